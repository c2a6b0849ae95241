from datetime import timedelta
from typing import Any

from checks.builder import DENIED, NO_PODS, NOW, ago, association, bare, healthy, pod, with_image
from checks.containers import container, running
from checks.grid import WORKLOAD, answers
from harness import table
from podid.checks.all import BY_ID
from podid.domain.aws import Instance
from podid.domain.cloudtrail import Lookup, NodeTrail, SessionCall, node_trail
from podid.domain.findings import Outcome
from podid.domain.snapshot import Known, Snapshot

ID = "sdk-too-old"
FAILS = with_image("public.ecr.aws/aws-cli/aws-cli:2.14.6")
UNKNOWN = NO_PODS
FINDINGS = [("fail", "warn", "Deployment shop/orders"), ("pass", "error", "Node node-1")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@table(
    ("image", "outcome"),
    [
        ("amazon/aws-cli:2.14.6", "fail"),
        ("amazon/aws-cli:2.15.0", "pass"),
        ("amazon/aws-cli:1.29.80", "fail"),
        ("amazon/aws-cli:1.30.0", "pass"),
        ("amazon/aws-cli", "pass"),
        ("amazon/aws-cli:latest", "pass"),
        ("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/aws-ebs-csi-driver:v1.25.0", "fail"),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v2.6.2", "fail"),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v2.7.0", "pass"),
        ("registry.k8s.io/external-dns/external-dns:v0.14.1", "fail"),
        ("registry.k8s.io/external-dns/external-dns:v0.14.2", "pass"),
        ("bitnami/external-dns:0.14", "pass"),
        ("bitnami/external-dns:0.13", "fail"),
        ("amazon/aws-cli:2.14", "fail"),
        ("localhost:5000/external-dns:v0.13.6", "fail"),
        ("localhost:5000/external-dns@sha256:00", "pass"),
        ("ghcr.io/external-secrets/external-secrets:v0.9.9-ubi", "fail"),
        ("quay.io/thanos/thanos:v0.36.0", "pass"),
        ("example/app:0.1.0", "pass"),
    ],
)
def test_versions_of_known_images(image: str, outcome: str) -> None:
    finding = [answer for answer in answers(ID, running(container(image=image))) if answer[2] == WORKLOAD]
    assert finding == [(outcome, "warn" if outcome == "fail" else "error", WORKLOAD)]


BOTO = "Boto3/1.26.137 md/Botocore#1.29.137 ua/2.0 os/linux#6.1 md/arch#x86_64 lang/python#3.9.16 Botocore/1.29.137"


def trail(*calls: SessionCall, whole: bool = True) -> NodeTrail:
    return node_trail(Lookup(calls, ago(hours=6), whole))


OLD = trail(SessionCall(at=NOW - timedelta(minutes=9), service="sqs", action="ListQueues", user_agent=BOTO))


def test_a_node_with_calls_of_an_old_sdk_is_a_warning() -> None:
    verdicts = list(BY_ID[ID].judge(healthy(node_calls={"node-1": Known(OLD)})))
    (finding,) = [v for v in verdicts if v.outcome is Outcome.FAIL]
    assert (finding.subject.name, finding.chain, finding.severity.value) == ("node-1", ("shop/orders",), "warn")
    assert "boto3 1.26.137" in finding.evidence[0]
    assert "not the pod" in finding.evidence[-1]


def by_node(**sections: Any) -> list[tuple[str, str]]:
    snapshot: Snapshot = healthy(**{"node_calls": {"node-1": Known(OLD)}, **sections})
    verdicts = BY_ID[ID].judge(snapshot)
    return [(v.outcome.value, v.severity.value) for v in verdicts if v.subject.kind in ("Node", "Cluster")]


@table(
    ("sections", "expected"),
    [
        ({"node_calls": {"node-1": Known(trail())}}, [("pass", "error")]),
        ({"node_calls": {"node-1": DENIED}}, [("unknown", "warn")]),
        ({"node_calls": DENIED}, [("unknown", "warn")]),
        # its answers end at the node, so that no pod has the node's role
        ({"instances": {"node-1": Instance(id="i-node-1", hop_limit=1)}}, [("not-applicable", "error")]),
        (
            {"instances": {"node-1": Instance(id="i-1", hop_limit=1)}, "pods": (pod(host_network=True),)},
            [("fail", "warn")],
        ),
        # other checks report pods without injected credentials
        ({"pods": (bare(pod()),)}, [("not-applicable", "error")]),
        ({"associations": (association(service_account="cart"),)}, [("not-applicable", "error")]),
        ({"instances": DENIED}, [("fail", "warn")]),
    ],
)
def test_nodes_with_pods_that_may_have_made_the_calls(
    sections: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert by_node(**sections) == expected
