from podid.checks.base import Check, Missing, Severity, Snapshot, Verdicts, rule

# a kubelet renews its lease every ten seconds, and a busy API server may delay it
TOLERATED_SECONDS = 60
LEASE = ("kubectl", "-n", "kube-node-lease", "get", "lease")


@rule(needs=("nodes",), wants=("clocks", "associations", "pods"))
def node_clock_skew(check: Check, snapshot: Snapshot) -> Verdicts:
    if isinstance(snapshot.clocks, Missing):
        # a wrong clock is rare
        yield check.of_everyone(snapshot).unknown(snapshot.clocks, severity=Severity.WARN)
        return
    for case, node in check.of_nodes(snapshot):
        ahead = snapshot.clocks.value.get(node.name)
        if ahead is None or not node.ready:
            yield case.skip("its kubelet does not renew its lease")
        elif abs(ahead) <= TOLERATED_SECONDS:
            yield case.ok("its clock agrees with the API server's")
        else:
            yield case.fail(
                f"the clock of node {node.name} is {abs(ahead)} seconds {'ahead of' if ahead > 0 else 'behind'} the "
                "API server's: tokens and signatures made elsewhere are refused as expired or not yet valid",
                severity=Severity.WARN,
                commands=((*LEASE, node.name, "-o", "yaml", "--show-managed-fields"),),
            )
