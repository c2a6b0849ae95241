from dataclasses import replace

from checks.builder import DENIED, daemon_set, healthy
from checks.grid import answers
from harness import table
from podid.domain.cluster import Requirement
from podid.domain.network import CiliumPolicy, EgressRule, NetworkPolicy, Selector

from .policies import CILIUM, HOST, block, policy, with_policies

ID = "cilium-host-entity"
FAILS = with_policies(policy(block("169.254.170.23/32")), engine=CILIUM)
UNKNOWN = healthy(cilium_policies=DENIED)
PASSES = healthy(daemon_sets=(daemon_set(), CILIUM))
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
WORLD = replace(HOST, name="world", to_host=False)
_NAMESPACE, _ACCOUNT = "io.kubernetes.pod.namespace", "io.cilium.k8s.policy.serviceaccount"


@table(
    ("policies", "cilium", "outcomes"),
    [
        ((), (), ("pass", "pass")),
        # a CIDR is not enough under Cilium
        ((policy(block("169.254.170.23/32")),), (), ("pass", "fail")),
        ((policy(block("169.254.170.23/32")),), (HOST,), ("pass", "pass")),
        ((policy(EgressRule(anywhere=True)),), (), ("pass", "pass")),
        ((policy(),), (), ("fail", "pass")),
        ((policy(),), (HOST,), ("pass", "pass")),
        ((), (WORLD,), ("pass", "fail")),
        ((), (WORLD, HOST), ("pass", "pass")),
        ((), (replace(WORLD, namespace="pay"),), ("pass", "pass")),
        ((), (replace(WORLD, namespace=""),), ("pass", "fail")),
        ((), (replace(WORLD, selector=Selector({"app": "cart"})),), ("pass", "pass")),
        ((), (replace(WORLD, isolates=False),), ("pass", "pass")),
        ((), (replace(WORLD, isolates=False), WORLD), ("pass", "fail")),
        ((policy(block("169.254.170.23/32")),), (replace(HOST, isolates=False),), ("pass", "pass")),
        # a deny rule overrides every allow rule
        (
            (policy(EgressRule(anywhere=True)),),
            (HOST, replace(WORLD, isolates=False, denies_host=True)),
            ("pass", "fail"),
        ),
        # Cilium knows a pod's namespace and service account by labels of its own
        ((), (replace(WORLD, namespace="", selector=Selector({_NAMESPACE: "shop"})),), ("pass", "fail")),
        ((), (replace(WORLD, namespace="", selector=Selector({_NAMESPACE: "pay"})),), ("pass", "pass")),
        (
            (),
            (replace(WORLD, selector=Selector({}, (Requirement(_NAMESPACE, "NotIn", ("shop",)),))),),
            ("pass", "pass"),
        ),
        ((), (WORLD, replace(HOST, selector=Selector({_ACCOUNT: "orders"}))), ("pass", "pass")),
    ],
)
def test_policies_of_both_kinds(
    policies: tuple[NetworkPolicy, ...], cilium: tuple[CiliumPolicy, ...], outcomes: tuple[str, str]
) -> None:
    snapshot = with_policies(*policies, engine=CILIUM, cilium_policies=cilium)
    assert (
        answers("networkpolicy-blocks-agent", snapshot)[0][0],
        answers(ID, snapshot)[0][0],
    ) == outcomes


def test_without_cilium_the_check_does_not_apply() -> None:
    assert answers(ID, with_policies(policy(block("169.254.170.23/32"))))[0][0] == "not-applicable"
