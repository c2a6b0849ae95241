from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, rule

POD_INTERFACE = "vpc.amazonaws.com/pod-eni"
MODE, STANDARD = "POD_SECURITY_GROUP_ENFORCING_MODE", "standard"


@rule(needs=("associations", "pods", "daemon_sets"))
def sg_for_pods_blocks_agent(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report security groups for pods in strict mode. In this mode, the VPC CNI's default, the traffic of a pod with
    its own network interface bypasses the node:
    https://docs.aws.amazon.com/eks/latest/userguide/security-groups-pods-deployment.html."""
    cni = next((ds for ds in known(snapshot.daemon_sets) if ds.name == "aws-node"), None)
    mode = cni.env.get(MODE, "") or "strict" if cni is not None else ""
    for case, (_, _, pods) in check.of_workloads(snapshot):
        own = [pod for pod in pods if POD_INTERFACE in pod.annotations]
        if not own:
            yield case.ok("its pods have no security groups of their own")
        elif cni is None:
            yield case.ok("its pods have security groups of their own, and no DaemonSet aws-node runs")
        elif mode == STANDARD:
            yield case.ok(f"its pods have security groups of their own, and {MODE} is {STANDARD}")
        else:
            yield case.fail_pods(
                own,
                len(pods),
                "security groups for pods in strict mode of the VPC CNI: their traffic bypasses the node, and with "
                "it the agent",
                f"{MODE} of aws-node: {mode}",
                verb=("uses", "use"),
                severity=Severity.WARN,
                pods=own,
                commands=(("kubectl", "-n", "kube-system", "set", "env", "daemonset/aws-node", f"{MODE}={STANDARD}"),),
            )
