"""`podid uninstall-agent`."""

from ops.agent.support import installed
from ops.change.support import writes
from worlds import Site


def test_affected_service_accounts_are_listed_before_the_question(healthy: Site) -> None:
    healthy.associate("payments", "nobody")
    count = writes(healthy.box)
    refused = healthy("uninstall-agent", "-o", "json")
    assert (refused.code, writes(healthy.box), refused.error["code"]) == (2, count, "ConsentNeeded")
    assert refused.error["hint"].endswith("--yes")
    shown = healthy.must("uninstall-agent", "--dry-run", "-o", "json").json
    assert shown["notes"][0] == (
        "without credentials afterwards: 2 service accounts: payments/nobody (0 pods), shop/orders (2 pods)"
    )
    assert shown["notes"][2].startswith("3 nodes will be without the agent: ")
    assert "pod-id-link0" in shown["notes"][3]
    assert writes(healthy.box) == count


def test_a_preserved_agent_keeps_its_pods(healthy: Site) -> None:
    shown = healthy.must("uninstall-agent", "--preserve", "--dry-run", "-o", "json").json
    assert not any("lose" in note for note in shown["notes"])
    healthy.must("uninstall-agent", "--preserve", "--yes")
    assert not installed(healthy)
    assert len(healthy.cluster.pods("kube-system")) == 3
    assert healthy("agent", "nodes").code == 0
