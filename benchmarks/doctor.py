"""What the doctor's checks and the status cost for 5,000 associations, 20,000 pods and 1,000 nodes: seconds and
megabytes.

    python benchmarks/doctor.py [--associations N] [--checks]

One cluster where all is well, one where everything is broken at once, and each of both again as the shape that hurts
most: all in one namespace, with one role. The snapshot is made here, so no read is in the seconds; reading so many
associations alone takes 50 seconds at EKS's 100 calls a second. Exits 1 above SECONDS or MEGABYTES.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from podid.checks.all import ALL
from podid.checks.runner import run_checks
from podid.domain.aws import Addon, Association, Cluster, Decision, Instance, NodeGroup, Role
from podid.domain.cloudtrail import PodSession
from podid.domain.cluster import Container, DaemonSet, EnvSource, Mount, Node, OwnerRef, Pod, ServiceAccount, Workload
from podid.domain.evidence import NO_CHANGES
from podid.domain.iam import AssumePermissions, PolicyNames
from podid.domain.network import Egress, EgressRule, NetworkPolicy, Selector
from podid.domain.snapshot import Known, Snapshot
from podid.domain.trust import ACTIONS
from podid.domain.workloads import WebhookRegistration
from podid.facts.nodes import REDEEM
from podid.ops.status.diagnose import diagnose
from podid.render.doctor import doctor_view
from podid.render.formats import Format, Report, json_pieces, to_text
from podid.render.reports import write_reports
from podid.render.status import status_view

SECONDS = 12.0
MEGABYTES = 400
ASSOCIATIONS = 5000
NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
ACCOUNT = "111122223333"
CLUSTER = f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/prod"
AGENT = "eks-pod-identity-agent"
IMAGE = f"602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/{AGENT}:v0.1.37"
TOKEN = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token"
WORKLOAD_PODS, NODE_SHARE = 4, 5


def arn(kind: str, number: int, one: bool) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{kind}" + ("" if one else f"-{number}")


def trust(principal: dict[str, str], namespace: str) -> dict[str, object]:
    tags = {"aws:RequestTag/kubernetes-namespace": namespace} if namespace else {}
    condition = {"StringLike": {"aws:SourceAccount": ACCOUNT, **tags}} if "Service" in principal else {}
    statement = {"Effect": "Allow", "Principal": principal, "Action": list(ACTIONS), "Condition": condition}
    return {"Version": "2012-10-17", "Statement": [statement]}


def pod(number: int, copy: int, namespace: str, node: str, broken: bool) -> Pod:
    name, env = f"app-{number}", {"AWS_REGION": "eu-west-1"}
    if broken:
        env |= {"AWS_ACCESS_KEY_ID": "", "HTTP_PROXY": "", "AWS_ROLE_ARN": arn("old", number, False)}
    else:
        env |= {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": TOKEN,
        }
    app = Container(
        name="app",
        image=f"registry.example/{name}:1.{copy}",
        env=env,
        env_from=(EnvSource("ConfigMap", f"{name}-settings"),) if broken else (),
        mounts=(Mount("/root/.aws", "secret", f"{name}-keys"),) if broken else (),
        ready=not broken,
    )
    return Pod(
        namespace=namespace,
        name=f"{name}-77c5dcb747-{copy:05d}",
        uid=f"5d4941bf-7044-4e44-{copy:04d}-{number:012d}",
        service_account=name,
        node=node,
        phase="Running",
        created_at=NOW - (timedelta(days=9) if broken else timedelta(hours=5)),
        containers=(app, Container(name="istio-proxy" if broken else "logs", image="sidecar:1", env=dict(env))),
        labels={"app": name, "pod-template-hash": "77c5dcb747"},
        owner=OwnerRef("ReplicaSet", f"{name}-77c5dcb747"),
        ready=not broken,
        volumes=() if broken else ("eks-pod-identity-token",),
        ips=(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}",),
    )


def agent_pod(node: str) -> Pod:
    return Pod(
        namespace="kube-system",
        name=f"{AGENT}-{node}",
        uid=f"uid-{node}",
        service_account="default",
        node=node,
        phase="Running",
        created_at=NOW - timedelta(days=3),
        containers=(Container(name=AGENT, image=IMAGE, ready=True),),
        labels={"app.kubernetes.io/name": AGENT},
        host_network=True,
        ready=True,
        owner=OwnerRef("DaemonSet", AGENT),
    )


def session(role_arn: str, percent: int) -> PodSession:
    return PodSession(at=NOW, role_arn=role_arn, session_name="eks-prod-app", packed_percent=percent)


def snapshot(associations: int = ASSOCIATIONS, *, broken: bool = False, crowded: bool = False) -> Snapshot:
    """`associations` with four pods each, a node for every five of them, a network policy for each. With `broken` each
    pod is wrong in many ways and half of the service accounts are missing; with `crowded` there is one namespace, one
    role and one target role, else fifty and one for each."""
    numbers = range(associations)
    nodes = [f"ip-10-0-{n // 256}-{n % 256}.eu-west-1.compute.internal" for n in range(associations // NODE_SHARE)]
    spaces = ["shop"] if crowded else [f"team-{n}" for n in range(50)]
    space = [spaces[n % len(spaces)] for n in numbers]
    roles, targets = [arn("app", n, crowded) for n in numbers], [arn("data", n, crowded) for n in numbers]
    chained = [arn("next", n, crowded) for n in numbers]
    made = NOW - timedelta(days=2)
    service, namespaces = {"Service": "pods.eks.amazonaws.com"}, ["" if crowded else each for each in space]

    def role(name: str, document: dict[str, object]) -> Known[Role | None]:
        return Known(Role(name=name.rpartition("/")[2], arn=name, path="/", role_id="AROA", trust=document))

    pods = [
        pod(n, copy, space[n], nodes[(n * WORKLOAD_PODS + copy) % len(nodes)], broken)
        for n in numbers
        for copy in range(WORKLOAD_PODS)
    ]
    agents = [] if broken else [agent_pod(node) for node in nodes]
    agent = DaemonSet(
        namespace="kube-system",
        name=AGENT,
        selector={"app.kubernetes.io/name": AGENT},
        desired=len(nodes),
        ready=len(agents),
        available=len(agents),
        updated=len(nodes),
        generation=1,
        observed_generation=1,
        images=(IMAGE,),
        args=("--port", "80", "--cluster-name", "prod", "--probe-port", "2703"),
    )
    engine = DaemonSet(
        namespace="kube-system",
        name="aws-node",
        selector={"k8s-app": "aws-node"},
        desired=len(nodes),
        ready=len(nodes),
        available=len(nodes),
        updated=len(nodes),
        generation=1,
        observed_generation=1,
        args=("--enable-network-policy=true",),
    )
    addon = Addon(name=AGENT, arn=f"{CLUSTER}/addon", version="v1.3.10-eksbuild.1", status="ACTIVE", created_at=made)
    node_role = arn("nodes", 0, True)
    allowed = Decision(action=REDEEM, resource=CLUSTER, decision="implicitDeny" if broken else "allowed")
    hop = tuple(Decision(action=action, resource=targets[0], decision="allowed") for action in ACTIONS)
    values: dict[str, Any] = {
        "cluster": Cluster(name="prod", arn=CLUSTER, version="1.34", status="ACTIVE"),
        "associations": tuple(
            Association(
                cluster_name="prod",
                namespace=space[n],
                service_account=f"app-{n}",
                association_id=f"a-{n}",
                association_arn=f"arn:aws:eks:eu-west-1:{ACCOUNT}:podidentityassociation/prod/a-{n}",
                role_arn=roles[n],
                target_role_arn=targets[n],
                created_at=made,
                modified_at=made,
            )
            for n in numbers
        ),
        "agent_addon": addon,
        "addons": (addon,),
        "agent_versions": (),
        "agent_next_versions": (),
        "upgrade_insights": (),
        "account_quotas": {},
        "node_groups": (NodeGroup(name="workers", status="ACTIVE", node_role_arn=node_role),),
        "roles": {
            name: role(name, trust(service, "nobody" if broken else where))
            for name, where in zip(roles, namespaces, strict=True)
        },
        "target_roles": {
            name: role(name, trust({"AWS": arn("other", 0, True) if broken else base}, ""))
            for name, base in zip(targets, roles, strict=True)
        },
        "target_permissions": {pair: Known(hop) for pair in zip(roles, targets, strict=True)},
        "role_policies": {name: Known(PolicyNames(inline=() if broken else ("p",))) for name in roles},
        "assume_permissions": {
            name: Known(AssumePermissions((next_role,), () if broken else (next_role,)))
            for name, next_role in zip(roles, chained, strict=True)
        },
        "permission_policies": {name: Known({}) for name in roles},
        "target_policies": {},
        "boundaries": {},
        "node_role_policies": {},
        "principals": (),
        "access_policies": (),
        "metadata_probes": {},
        "access_keys": (),
        "secret_keys": (),
        "grants": (),
        "bounded": {},
        "annotated_roles": {},
        "chained_roles": {
            name: role(name, trust({"AWS": base}, "")) for name, base in zip(chained, roles, strict=True)
        },
        "instances": {name: Instance(id=f"i-{name}", profile_arn="" if broken else "p", hop_limit=2) for name in nodes},
        "cni_permissions": {},
        "products": {},
        "csi_drivers": {},
        "clocks": dict.fromkeys(nodes, 90 if broken else -3),
        "agent_warnings": {},
        "pod_security": {},
        "agent_crashes": {},
        "cloudtrail": {},
        "redemptions": (),
        "node_calls": {},
        "sessions": {name: Known((session(name, 80 if broken else 40),)) for name in roles},
        "tokens": {},
        "dry_runs": {},
        "probes": {},
        "changes": NO_CHANGES,
        "agent_logs": {f"kube-system/{AGENT}-{name}": Known(()) for name in nodes},
        "other_node_roles": {},
        "node_classes": (),
        "egress": Egress((), ()),
        "node_role_allowed": {node_role: Known(allowed)},
        "namespaces": frozenset(("kube-system", *spaces)),
        # every other one is called almost like its association
        "service_accounts": tuple(
            ServiceAccount(namespace=space[n], name=f"app-{n}" if n % 2 or not broken else f"apps-{n}") for n in numbers
        ),
        "pods": (*pods, *agents),
        "nodes": tuple(
            Node(
                name=name,
                os="linux",
                arch="amd64",
                compute_type="",
                ready=True,
                labels={"eks.amazonaws.com/nodegroup": "workers"},
                provider_id=f"aws:///eu-west-1a/i-{name}",
            )
            for name in nodes
        ),
        "daemon_sets": (agent, engine),
        "workloads": tuple(
            Workload(
                kind="Deployment",
                namespace=space[n],
                name=f"app-{n}",
                uid=f"uid-{n}",
                service_account=f"app-{n}",
                replicas=WORKLOAD_PODS,
                ready=WORKLOAD_PODS,
                updated=WORKLOAD_PODS,
            )
            for n in numbers
        ),
        "webhook": WebhookRegistration(url="https://127.0.0.1:23443/mutate"),
        "config_map_keys": {(space[n], f"app-{n}-settings"): Known({"AWS_PROFILE": ""}) for n in numbers},
        "agent_pods": tuple(agents),
        "network_policies": tuple(
            NetworkPolicy(
                namespace=space[n],
                name=f"app-{n}",
                selector=Selector({"app": f"app-{n}"}),
                egress=True,
                rules=() if broken else (EgressRule(anywhere=True),),
            )
            for n in numbers
        ),
        "cilium_policies": (),
    }
    sections: dict[str, Any] = {name: Known(value) for name, value in values.items()}
    return Snapshot(taken_at=NOW, **sections)


def measure(shape: tuple[bool, bool], associations: int, per_check: bool) -> bool:
    """Prints a line for the shape, and one for each check if asked; returns whether it is within the limits."""
    broken, crowded = shape
    seen = snapshot(associations, broken=broken, crowded=crowded)
    print(f"{'all broken' if broken else 'all well'}, {'one namespace and role' if crowded else 'spread'}: ", end="")
    before, began = megabytes(), time.process_time()
    report = diagnose(seen)
    seconds, peak = time.process_time() - began, megabytes()
    print(
        f"{len(report.verdicts)} verdicts, {len(report.findings)} findings in {seconds:.1f} s of CPU, "
        f"{before:.0f} MB with the snapshot, {peak:.0f} MB with the report"
    )
    if per_check:
        for check in ALL:
            began = time.process_time()
            run_checks((check,), seen)
            print(f"  {time.process_time() - began:7.3f} s  {check.id}")
    del seen  # as the command does
    for form in (Format.TABLE, Format.JSON, "--all json", "podid status", "podid status json", *Report):
        began = time.process_time()
        if isinstance(form, Report):
            size = len(write_reports(form, [report]))
        elif form == "podid status":
            size = len(to_text(status_view(report.identities, single=False), Format.TABLE))
        elif form == "podid status json":
            size = sum(map(len, json_pieces(status_view(report.identities, single=False).document)))
        elif form is Format.TABLE:
            size = len(to_text(doctor_view(report, all_verdicts=False), form))
        else:  # as it is written: a piece at a time
            size = sum(map(len, json_pieces(doctor_view(report, all_verdicts=form is not Format.JSON).document)))
        peak = peak if isinstance(form, Report) else megabytes()
        spent = time.process_time() - began
        print(f"  {form}: {size / 1e6:.1f} MB of text in {spent:.1f} s, so far {megabytes():.0f} MB at the most")
    return seconds <= SECONDS and peak <= MEGABYTES


def megabytes() -> float:
    """The most that the process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--associations", type=int, default=ASSOCIATIONS)
    parser.add_argument("--checks", action="store_true")
    options = parser.parse_args()
    shapes = [(broken, crowded) for crowded in (False, True) for broken in (False, True)]
    ok = True
    for shape in shapes:  # a process each: memory is not given back
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            ok &= pool.apply(measure, (shape, options.associations, options.checks))
    return int(not ok)


if __name__ == "__main__":
    sys.exit(main())
