from dataclasses import replace

import pytest

from checks.builder import DENIED, cluster, healthy, pod
from checks.grid import WORKLOAD, answers, only
from harness import table
from podid.domain.cluster import DaemonSet, Requirement
from podid.domain.network import EgressRule, NetworkPolicy, Ports, Selector

from .policies import CALICO, CILIUM, block, other, policy, with_policies

ID = "networkpolicy-blocks-agent"
FAILS = with_policies(policy())
UNKNOWN = healthy(network_policies=DENIED)
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
STRICT = other("aws-node", args=("--enable-network-policy=true",), env={"NETWORK_POLICY_ENFORCING_MODE": "strict"})
ELSEWHERE = policy(selector=Selector({"app": "cart"}))


@table(
    ("policies", "engine", "outcome"),
    [
        ((), STRICT, "fail"),
        ((ELSEWHERE,), STRICT, "fail"),
        ((policy(egress=False),), STRICT, "pass"),
        ((policy(EgressRule(anywhere=True)),), STRICT, "pass"),
        ((), replace(STRICT, args=()), "pass"),
        ((), replace(STRICT, env={"NETWORK_POLICY_ENFORCING_MODE": "standard"}), "pass"),
    ],
)
def test_strict_mode_blocks_pods_without_any_policy(
    policies: tuple[NetworkPolicy, ...], engine: DaemonSet, outcome: str
) -> None:
    assert answers(ID, with_policies(*policies, engine=engine)) == [(outcome, "error", WORKLOAD)]


@table(
    ("rules", "open_"),
    [
        ((), False),
        ((EgressRule(anywhere=True),), True),
        ((EgressRule(anywhere=True, ports=(Ports("TCP", 443),)),), False),
        ((EgressRule(anywhere=True, ports=(Ports("UDP", 80),)),), False),
        ((EgressRule(anywhere=True, ports=(Ports("TCP", 80),)),), True),
        ((EgressRule(anywhere=True, ports=(Ports("TCP", 1, 1024),)),), True),
        ((EgressRule(anywhere=True, ports=(Ports("TCP", 0),)),), True),
        ((EgressRule(anywhere=True, ports=(Ports("TCP", None),)),), False),
        ((EgressRule(),), False),  # to pods alone: the agent has no pod address
        ((block("169.254.170.23/32"),), True),
        ((block("0.0.0.0/0"),), True),
        ((block("0.0.0.0/0", "169.254.0.0/16"),), False),
        ((block("0.0.0.0/0", "169.254.169.254/32"),), True),
        ((block("10.0.0.0/8"),), False),
        ((block("10.0.0.0/8"), block("169.254.170.0/24", ports=(Ports("TCP", 80),))), True),
        ((block("no cidr"),), False),
        ((block("fd00:ec2::23/128"),), False),
    ],
)
def test_egress_rules(rules: tuple[EgressRule, ...], open_: bool) -> None:
    expected = ("pass" if open_ else "fail", "error", WORKLOAD)
    assert answers(ID, with_policies(policy(*rules))) == [expected]


def test_rules_of_several_policies_add_up() -> None:
    assert answers(ID, with_policies(policy(), policy(block("169.254.170.23/32"), name="agent")))[0][0] == "pass"


@table(
    "changes",
    [
        {"namespace": "pay"},
        {"egress": False},
        {"selector": Selector({"app": "cart"})},
        {"selector": Selector({}, (Requirement("app", "NotIn", ("orders",)),))},
        {"selector": Selector({}, (Requirement("app", "DoesNotExist"),))},
        {"selector": Selector({}, (Requirement("tier", "Exists"),))},
        {"selector": Selector({}, (Requirement("app", "In", ("cart",)),))},
        {"selector": Selector({}, (Requirement("app", "Unheard"),))},
    ],
)
def test_policies_that_do_not_select_the_pod(changes: dict[str, object]) -> None:
    assert answers(ID, with_policies(policy(**changes)))[0][0] == "pass"


@pytest.mark.parametrize(
    "selector", [Selector({"app": "orders"}), Selector({}, (Requirement("app", "In", ("orders",)),))]
)
def test_policies_that_select_the_pod(selector: Selector) -> None:
    assert answers(ID, with_policies(policy(selector=selector)))[0][0] == "fail"


def test_an_ipv6_cluster_has_another_address() -> None:
    six = cluster(ip_family="ipv6")
    assert answers(ID, with_policies(policy(block("169.254.170.23/32")), cluster=six))[0][0] == "fail"
    assert answers(ID, with_policies(policy(block("fd00:ec2::23/128")), cluster=six))[0][0] == "pass"


CNI_OFF = other("aws-node", args=("--enable-network-policy=false",))
CNI_ON = other("aws-node", args=("--enable-network-policy=true",))


@pytest.mark.parametrize(
    ("engine", "outcome"),
    [(CALICO, "fail"), (CNI_ON, "fail"), (CNI_OFF, "unknown"), (other("antrea-agent"), "fail"), (CILIUM, "fail")],
)
def test_only_enforced_policies_are_an_error(engine: DaemonSet, outcome: str) -> None:
    assert answers(ID, with_policies(policy(), engine=engine))[0][0] == outcome


def test_pods_on_the_network_of_the_node_are_not_isolated() -> None:
    assert answers(ID, with_policies(policy(), pods=(pod(host_network=True),)))[0][0] == "pass"


def test_unread_engines_are_unknown() -> None:
    assert answers(ID, with_policies(policy(), daemon_sets=DENIED))[0][0] == "unknown"
    assert answers(ID, with_policies(policy(), engine=CILIUM, cilium_policies=DENIED))[0][0] == "unknown"
    # no policy isolates the pod, so the engine does not matter
    assert answers(ID, with_policies(daemon_sets=DENIED, cilium_policies=DENIED))[0][0] == "pass"


def test_the_fix_opens_one_policy() -> None:
    for rules, path in (((), '"/spec/egress"'), ((block("10.0.0.0/8"),), '"/spec/egress/-"')):
        fix = only(ID, with_policies(policy(*rules))).fix
        assert fix is not None
        (command,) = fix.commands
        assert command[:6] == ("kubectl", "-n", "shop", "patch", "networkpolicy", "egress")
        assert path in command[-1]
        assert "169.254.170.23/32" in command[-1]
