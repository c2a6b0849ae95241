"""`podid trust` on a role: a plan like every change, recorded, and taken back by undo."""

from pathlib import Path
from typing import Any

import pytest

from harness import Answers, Podid
from podid.aws.eks import Eks
from podid.domain.errors import AccessDenied, CredentialsError
from podid.ops.role import uses as role_uses
from podid.ops.role.uses import Unread, Uses
from podid.sandbox.baseline import add_association, add_role, pods_trust, service_trust
from podid.sandbox.box import Sandbox

from .support import account_state, runs, writes

CLUSTER_ARN = "arn:aws:eks:us-west-2:111122223333:cluster/demo"
ROOT = "arn:aws:iam::111122223333:root"
ADMIN = {"Sid": "Ci", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}
WIDE: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": "pods.eks.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession"],
}
FOR = ("--for", "shop/orders")


@pytest.fixture
def wide(box: Sandbox) -> str:
    """A role that every pod of the account may assume, and an administrator."""
    add_role(box.world, box.iam, "wide", {"Version": "2012-10-17", "Statement": [ADMIN, WIDE]})
    return "wide"


def trust_of(box: Sandbox, name: str = "wide") -> list[Any]:
    statements: list[Any] = account_state(box)["roles"][name]["trust"]["Statement"]
    return statements


def who(statement: Any) -> tuple[str, str]:
    tags = statement["Condition"]["StringEquals"]
    return tags["aws:RequestTag/kubernetes-namespace"], tags["aws:RequestTag/kubernetes-service-account"]


def test_add_is_recorded_repeated_without_a_change_and_undone(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", service_trust("ec2.amazonaws.com"))
    before = account_state(box)
    dry = podid("trust", "add", "--role", "r", *FOR, "--dry-run", "-o", "json")
    assert (dry.code, dry.json["kind"], [a["verb"] for a in dry.json["actions"]]) == (0, "Plan", ["update"])
    assert account_state(box) == before
    done = podid("trust", "add", "--role", "r", *FOR, "--for", "shop/cart", "-o", "json")
    assert (done.code, [a["status"] for a in done.json["actions"]]) == (0, ["done"])
    assert "role r also trusts ec2.amazonaws.com; that stays as it is" in done.json["notes"]
    assert [who(statement) for statement in trust_of(box, "r")[1:]] == [("shop", "orders"), ("shop", "cart")]
    made = writes(box)
    again = podid("trust", "add", "--role", "arn:aws:iam::111122223333:role/r", *FOR, "-o", "json")
    assert (again.code, [a["status"] for a in again.json["actions"]], writes(box)) == (0, ["unchanged"], made)
    assert [len(run["actions"]) for run in runs(podid)] == [1]
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


def test_a_cluster_that_is_named_by_its_arn_is_not_looked_at(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", service_trust("ec2.amazonaws.com"))
    elsewhere = CLUSTER_ARN.replace("us-west-2", "eu-west-1").replace("/demo", "/other")
    line = ("trust", "add", "--role", "r", *FOR, "--cluster-arn", elsewhere)
    assert podid(*line, PODID_CLUSTER="").code == 0
    assert trust_of(box, "r")[1]["Condition"]["ArnEquals"] == {"aws:SourceArn": elsewhere}
    assert box.faults.calls["eks", "DescribeCluster"] == 0
    foreign = podid(*line[:-1], elsewhere.replace("111122223333", "444455556666"), "-o", "json")
    assert (foreign.code, foreign.error["code"]) == (2, "InvalidInput")
    assert podid(*line, "--cluster", "demo").code == 2


def test_remove_asks_and_says_what_stays(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", service_trust("ec2.amazonaws.com"))
    assert podid("trust", "add", "--role", "r", *FOR).code == 0
    refused = podid("trust", "remove", "--role", "r", *FOR, "-o", "json")
    assert (refused.code, refused.error["code"], len(trust_of(box, "r"))) == (2, "ConsentNeeded", 2)
    answers = Answers(False)
    at_terminal = Podid(podid.env, tty=True, answers=answers, clock=podid.clock)
    assert at_terminal("trust", "remove", "--role", "r", *FOR).code == 2
    assert answers.questions == ["Take shop/orders out of the trust policy of role r?"]
    done = podid("trust", "remove", "--role", "r", *FOR, "--yes")
    assert (done.code, len(trust_of(box, "r"))) == (0, 1)
    nothing = podid("trust", "remove", "--role", "r", *FOR, "-o", "json")
    assert (nothing.code, [a["status"] for a in nothing.json["actions"]]) == (0, ["unchanged"])
    assert podid("undo", "last", "--yes").code == 0
    assert len(trust_of(box, "r")) == 2


def test_what_is_shut_out_is_named(box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_role(box.world, box.iam, "r", service_trust("ec2.amazonaws.com"))
    assert podid("trust", "add", "--role", "r", *FOR).code == 0
    made = podid("associate", "shop/orders", "--role", "r", "--wait", "none")
    assert made.code == 0
    line = ("trust", "remove", "--role", "r", *FOR, "--dry-run", "-o", "json")
    losing = "the association of shop/orders in cluster demo still uses the role"
    assert any(note.startswith(losing) for note in podid(*line).json["notes"])

    def denied(*_: object) -> None:
        raise AccessDenied("x", permission="eks:ListPodIdentityAssociations")

    monkeypatch.setattr(Eks, "list_associations", denied)
    unseen = "not looked at: associations that use the role: needs eks:ListPodIdentityAssociations"
    assert unseen in podid(*line).json["notes"]


def test_a_trust_that_is_mended_is_not_said_to_refuse(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", service_trust("ec2.amazonaws.com"))
    line = ("associate", "shop/orders", "--role", "r", "--wait", "none", "--dry-run", "-o", "json")
    assert "does not admit shop/orders" in podid(*line).error["message"]
    assert not any("does not admit" in note for note in podid(*line, "--update-trust").json["notes"])


def test_what_others_get_in_by_is_not_removed(box: Sandbox, podid: Podid, wide: str, journal: Path) -> None:
    outcome = podid("trust", "remove", "--role", wide, *FOR, "--yes", "-o", "json")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "others get in as well" in outcome.error["message"]
    assert (writes(box), journal.exists()) == (0, False)


def test_an_issuer_goes_without_a_cluster(box: Sandbox, podid: Podid, journal: Path) -> None:
    provider = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/ABC"
    irsa = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"}
    add_role(box.world, box.iam, "r", {"Version": "2012-10-17", "Statement": [irsa, ADMIN]})
    url = "https://oidc.eks.us-west-2.amazonaws.com/id/ABC"
    assert podid("trust", "remove", "--role", "r", "--issuer", url, "--yes", PODID_CLUSTER="").code == 0
    assert trust_of(box, "r") == [ADMIN]
    assert box.faults.calls["eks", "DescribeCluster"] == 0
    assert podid("trust", "remove", "--role", "r", "--issuer", url, *FOR, "--yes").code == 2


@pytest.mark.parametrize("verb", ["add", "remove", "tighten"])
def test_roles_that_are_not_edited(box: Sandbox, podid: Podid, journal: Path, verb: str) -> None:
    flags = ("--yes",) if verb == "tighten" else (*FOR, "--yes")
    missing = podid("trust", verb, "--role", "wid", *flags, "-o", "json")
    assert (missing.code, missing.error["code"]) == (5, "NotFound")
    box.world.credentials.deny("iam:GetRole")
    denied = podid("trust", verb, "--role", "storefront", *flags, "-o", "json")
    assert (denied.code, "iam:GetRole" in denied.error["message"]) == (4, True)
    assert writes(box) == 0


# --- tighten ----------------------------------------------------------------------------------------------------------


def use(box: Sandbox, *names: str, role: str = "wide") -> None:
    for name in names:
        add_association(box.world, "shop", name, role)


def test_tighten_narrows_to_those_who_use_the_role(box: Sandbox, podid: Podid, wide: str, journal: Path) -> None:
    use(box, "orders", "cart")
    before = account_state(box)
    asked = podid("trust", "tighten", "--role", wide, "-o", "json")
    assert (asked.code, asked.error["code"]) == (2, "ConsentNeeded")
    outcome = podid("trust", "tighten", "--role", wide, "--yes", "-o", "json")
    assert outcome.code == 0, outcome.stderr
    assert trust_of(box)[0] == ADMIN
    assert sorted(who(statement) for statement in trust_of(box)[1:]) == [("shop", "cart"), ("shop", "orders")]
    assert podid("trust", "check", "--role", wide).code == 0
    again = podid("trust", "tighten", "--role", wide, "-o", "json")
    assert (again.code, [a["status"] for a in again.json["actions"]]) == (0, ["unchanged"])
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


def test_tighten_to_a_namespace_where_too_many_use_it(box: Sandbox, podid: Podid, wide: str, journal: Path) -> None:
    use(box, *(f"service-{number}" for number in range(8)))
    full = podid("trust", "tighten", "--role", wide, "--yes", "-o", "json")
    assert (full.code, "IAM takes 2048" in full.error["message"]) == (6, True)
    assert podid("trust", "tighten", "--role", wide, "--scope", "namespace", "--yes").code == 0
    assert len(trust_of(box)) == 2


def test_tighten_refuses_where_nobody_uses_the_role(box: Sandbox, podid: Podid, wide: str) -> None:
    outcome = podid("trust", "tighten", "--role", wide, "--yes", "-o", "json")
    assert (outcome.code, "no association uses the role" in outcome.error["message"]) == (6, True)


def test_tighten_refuses_where_the_trust_shuts_a_user_out(box: Sandbox, podid: Podid) -> None:
    trust = pods_trust(box.world.clusters["demo"], actions=("sts:AssumeRole",))
    add_role(box.world, box.iam, "old", trust)
    use(box, "orders", role="old")
    outcome = podid("trust", "tighten", "--role", "old", "--yes", "-o", "json")
    assert (outcome.code, outcome.error["details"][0].startswith("shop/orders in cluster demo")) == (6, True)
    assert writes(box) == 0


UNREAD = {
    "a cluster that is denied": (
        Unread.of("clusters in eu-west-1", AccessDenied("x", permission="eks:ListClusters")),
        False,
    ),
    "regions that are not enabled": (Unread("2 regions", "they do not take these credentials", disabled=True), True),
}


@pytest.mark.parametrize(("unread", "skipped"), UNREAD.values(), ids=UNREAD)
def test_tighten_refuses_where_not_all_was_read(
    box: Sandbox, podid: Podid, wide: str, monkeypatch: pytest.MonkeyPatch, unread: Unread, skipped: bool
) -> None:
    use(box, "orders")
    whole = role_uses.read_all_uses

    def partly(*args: Any) -> Uses:
        return Uses(whole(*args).associations, (unread,))

    monkeypatch.setattr(role_uses, "read_all_uses", partly)
    outcome = podid("trust", "tighten", "--role", wide, "--yes", "-o", "json")
    assert (outcome.code, outcome.error["details"], writes(box)) == (6, [str(unread)], 0)
    hint = f"podid trust tighten --role {wide} --yes -o json --skip-disabled-regions" if skipped else None
    assert outcome.error["hint"] == hint
    line = ("trust", "tighten", "--role", wide, "--yes", "--skip-disabled-regions")
    assert podid(*line).code == (0 if skipped else 6)


def test_regions_that_do_not_know_the_credentials_are_told_from_those_that_refuse(
    box: Sandbox, podid: Podid, wide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(box, "orders")
    list_clusters = Eks.list_clusters

    def elsewhere(self: Eks) -> tuple[str, ...]:
        if self._api.origin.region == "af-south-1":
            raise CredentialsError("The security token included in the request is invalid")
        return list_clusters(self)

    monkeypatch.setattr(Eks, "list_clusters", elsewhere)
    line = ("trust", "tighten", "--role", wide, "--yes")
    refused = podid(*line, "-o", "json")
    assert (refused.code, refused.error["hint"].endswith("--skip-disabled-regions")) == (6, True)
    assert refused.error["details"][0].startswith("af-south-1: they do not take these credentials")
    assert podid(*line, "--skip-disabled-regions").code == 0
