"""`podid trust add`."""

from pathlib import Path

from harness import Podid
from ops.change.support import account_state, runs, writes
from ops.trust.support import CLUSTER_ARN, FOR, trust_of, who
from podid.sandbox.baseline import add_role, service_trust
from podid.sandbox.box import Sandbox
from worlds import Site


def test_add_is_recorded_repeated_without_a_change_and_undone(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", service_trust("ec2.amazonaws.com"))
    before = account_state(box)
    dry = podid("trust", "add", "--role", "r", *FOR, "--dry-run", "-o", "json")
    assert (dry.code, dry.json["kind"], [a["verb"] for a in dry.json["actions"]]) == (0, "Plan", ["update"])
    assert account_state(box) == before
    done = podid("trust", "add", "--role", "r", *FOR, "--for", "shop/cart", "-o", "json")
    assert (done.code, [a["status"] for a in done.json["actions"]]) == (0, ["done"])
    assert "role r also trusts ec2.amazonaws.com (unchanged)" in done.json["notes"]
    assert [who(statement) for statement in trust_of(box, "r")[1:]] == [("shop", "orders"), ("shop", "cart")]
    count = writes(box)
    again = podid("trust", "add", "--role", "arn:aws:iam::111122223333:role/r", *FOR, "-o", "json")
    assert (again.code, [a["status"] for a in again.json["actions"]], writes(box)) == (0, ["unchanged"], count)
    assert [len(run["actions"]) for run in runs(podid)] == [1]
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


def test_a_cluster_that_is_specified_by_its_arn_is_not_read(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", service_trust("ec2.amazonaws.com"))
    elsewhere = CLUSTER_ARN.replace("us-west-2", "eu-west-1").replace("/demo", "/other")
    line = ("trust", "add", "--role", "r", *FOR, "--cluster-arn", elsewhere)
    assert podid(*line, PODID_CLUSTER="").code == 0
    assert trust_of(box, "r")[1]["Condition"]["ArnEquals"] == {"aws:SourceArn": elsewhere}
    assert box.faults.calls["eks", "DescribeCluster"] == 0
    foreign = podid(*line[:-1], elsewhere.replace("111122223333", "444455556666"), "-o", "json")
    assert (foreign.code, foreign.error["code"]) == (2, "InvalidInput")
    assert podid(*line, "--cluster", "demo").code == 2


def test_the_statement_suits_an_association_without_session_tags(healthy: Site) -> None:
    """A condition on a session tag would never match."""
    line = ("trust", "add", "--role", "shop-orders", "--for", "shop/orders", "-o", "json")
    assert [action["status"] for action in healthy.must(*line).json["actions"]] == ["unchanged"]
    healthy.without_session_tags()
    done = healthy.must(*line)
    assert [action["status"] for action in done.json["actions"]] == ["done"]
    assert any("the statement allows any pod of cluster demo" in note for note in done.json["notes"])
    assert healthy("trust", "check", "--role", "shop-orders", "--for", "shop/orders").code == 0
    assert [action["status"] for action in healthy.must(*line).json["actions"]] == ["unchanged"]
