from checks.builder import DENIED, daemon_set, healthy, node
from checks.grid import answers, messages
from harness import table
from podid.domain.cluster import Placement
from podid.domain.snapshot import Snapshot

ID = "addon-config-conflict"
FAILS = healthy(daemon_sets=(daemon_set(), daemon_set(namespace="agent")))
UNKNOWN = healthy(nodes=DENIED)
FINDINGS = [("fail", "error", "Cluster prod")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
MESSAGES = [
    "DaemonSets kube-system/eks-pod-identity-agent, agent/eks-pod-identity-agent run agents on the "
    "same nodes: both need port 80 there, and only one can use it"
]
NODES = tuple(node(f"node-{pool}", labels={"pool": pool}) for pool in "abc")


def agents(*pools: str) -> Snapshot:
    """Return a cluster with three nodes, one in each pool, and an agent for each of these pools; "" is all pools."""
    return healthy(
        nodes=NODES,
        daemon_sets=tuple(
            daemon_set(
                namespace="kube-system",
                name=f"agent-{number}",
                placement=Placement(selector={"pool": pool} if pool else {}),
            )
            for number, pool in enumerate(pools, 1)
        ),
    )


def test_one_agent_is_no_conflict() -> None:
    assert answers(ID, agents("")) == [("pass", "error", "Cluster prod")]


def test_agents_on_different_nodes_are_no_conflict() -> None:
    assert answers(ID, agents("a", "b", "c")) == [("pass", "error", "Cluster prod")]
    assert answers(ID, agents("elsewhere", "")) == [("pass", "error", "Cluster prod")]


@table(
    ("pools", "names"),
    [
        (("c", "c", "b"), "kube-system/agent-1, kube-system/agent-2"),
        (("a", "b", "a"), "kube-system/agent-1, kube-system/agent-3"),
        (("a", "b", "b"), "kube-system/agent-2, kube-system/agent-3"),
    ],
)
def test_only_the_agents_of_the_same_node_are_named(pools: tuple[str, ...], names: str) -> None:
    (message,) = messages(ID, agents(*pools))
    assert message.startswith(f"DaemonSets {names} run agents on the same nodes: ")


def test_without_an_agent_there_is_no_answer() -> None:
    assert answers(ID, healthy(daemon_sets=())) == [("not-applicable", "error", "Cluster prod")]
