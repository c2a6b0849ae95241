"""The nodes that require an agent, and their roles."""

from checks.builder import daemon_set, node
from podid.domain.cluster import Placement, Requirement
from podid.facts.nodes import expects_agent


def test_a_daemon_set_serves_the_nodes_of_its_placement() -> None:
    """Its name counts only if it has no placement."""
    elsewhere = Placement(terms=((Requirement("eks.amazonaws.com/compute-type", "NotIn", ("hybrid",)),),))
    hybrids = Placement(terms=((Requirement("eks.amazonaws.com/compute-type", "In", ("hybrid",)),),))
    far = node("far", compute_type="hybrid")
    for name, placement, served in (
        *(("hybrid-fleet", elsewhere, False), ("eks-pod-identity-agent", hybrids, True)),
        *(("eks-pod-identity-agent-hybrid", Placement(), True), ("hybrid-fleet", Placement(), False)),
    ):
        assert expects_agent(far, (daemon_set(name=name, placement=placement),)) is served
