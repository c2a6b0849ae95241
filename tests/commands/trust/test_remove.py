"""`podid trust remove`."""

from pathlib import Path

from harness import Answers, Podid
from ops.change.support import writes
from ops.trust.support import ADMIN, FOR, IRSA, trust_of
from podid.sandbox.baseline import add_role, service_trust
from podid.sandbox.box import Sandbox


def test_remove_asks(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", service_trust("ec2.amazonaws.com"))
    assert podid("trust", "add", "--role", "r", *FOR).code == 0
    refused = podid("trust", "remove", "--role", "r", *FOR, "-o", "json")
    assert (refused.code, refused.error["code"], len(trust_of(box, "r"))) == (2, "ConsentNeeded", 2)
    answers = Answers(False)
    at_terminal = Podid(podid.env, tty=True, answers=answers, clock=podid.clock)
    assert at_terminal("trust", "remove", "--role", "r", *FOR).code == 2
    assert answers.questions == ["Remove shop/orders from the trust policy of role r?"]
    done = podid("trust", "remove", "--role", "r", *FOR, "--yes")
    assert (done.code, len(trust_of(box, "r"))) == (0, 1)
    nothing = podid("trust", "remove", "--role", "r", *FOR, "-o", "json")
    assert (nothing.code, [a["status"] for a in nothing.json["actions"]]) == (0, ["unchanged"])
    assert podid("undo", "last", "--yes").code == 0
    assert len(trust_of(box, "r")) == 2


def test_an_issuer_is_removed_without_a_cluster(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", {"Version": "2012-10-17", "Statement": [IRSA, ADMIN]})
    url = "https://oidc.eks.us-west-2.amazonaws.com/id/ABC"
    assert podid("trust", "remove", "--role", "r", "--issuer", url, "--yes", PODID_CLUSTER="").code == 0
    assert trust_of(box, "r") == [ADMIN]
    assert box.faults.calls["eks", "DescribeCluster"] == 0


def test_a_statement_that_also_allows_others_is_not_removed(
    box: Sandbox, podid: Podid, wide: str, journal: Path
) -> None:
    outcome = podid("trust", "remove", "--role", wide, *FOR, "--yes", "-o", "json")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "also allows others" in outcome.error["message"]
    assert (writes(box), journal.exists()) == (0, False)
