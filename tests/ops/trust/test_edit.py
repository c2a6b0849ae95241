"""`podid trust` on a role: a plan like every change, recorded, and taken back by undo."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import Answers, Podid
from ops.change.support import account_state, runs, writes
from podid.aws.eks import Eks
from podid.domain.errors import AccessDenied, CredentialsError
from podid.ops.role import uses as role_uses
from podid.ops.role.uses import Unread, Uses
from podid.sandbox.baseline import add_association, add_role, pods_trust, service_trust
from podid.sandbox.box import Sandbox

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
    """A role that every pod of the account can assume, and an administrator."""
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
    assert "role r also trusts ec2.amazonaws.com (unchanged)" in done.json["notes"]
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
    assert answers.questions == ["Remove shop/orders from the trust policy of role r?"]
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
    line = ("trust", "remove", "--role", "r", *FOR, "--dry-run")
    (after,) = podid(*line, "-o", "json").json["after"]
    assert (after["serviceAccount"], after["state"], after["id"]) == ("orders", "broken", "trust-wrong-principal")
    assert "After this: ✗ shop/orders  broken at link 9 trust: trust-wrong-principal\n" in podid(*line).stdout
    # of those who do not use it nothing is said, though the trust admits them
    assert podid("associate", "shop/cart", "--role", "storefront", "--wait", "none").code == 0
    assert podid("trust", "add", "--role", "r", "--for", "shop/cart").code == 0
    assert "shop/cart" not in podid(*line).stdout

    def denied(*_: object) -> None:
        raise AccessDenied("x", permission="eks:ListPodIdentityAssociations")

    monkeypatch.setattr(Eks, "list_association_summaries", denied)
    unseen = podid(*line, "-o", "json").json
    assert "the service accounts that use the role in cluster demo were not checked: x" in unseen["notes"]
    assert unseen["after"] is None


def test_a_trust_that_is_mended_is_not_said_to_refuse(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", service_trust("ec2.amazonaws.com"))
    line = ("associate", "shop/orders", "--role", "r", "--wait", "none", "--dry-run", "-o", "json")
    assert "does not allow shop/orders" in podid(*line).error["message"]
    assert not any("does not allow" in note for note in podid(*line, "--update-trust").json["notes"])


def test_what_others_get_in_by_is_not_removed(box: Sandbox, podid: Podid, wide: str, journal: Path) -> None:
    outcome = podid("trust", "remove", "--role", wide, *FOR, "--yes", "-o", "json")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "also allows others" in outcome.error["message"]
    assert (writes(box), journal.exists()) == (0, False)


OIDC = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/ABC"
IRSA = {"Effect": "Allow", "Principal": {"Federated": OIDC}, "Action": "sts:AssumeRoleWithWebIdentity"}
SUB = f"{OIDC.partition(':oidc-provider/')[2]}:sub"
TWO = ["system:serviceaccount:shop:orders", "system:serviceaccount:shop:cart"]
EDITS: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "add": ([ADMIN, IRSA], ("add", *FOR)),
    "remove": (
        [ADMIN, IRSA, WIDE | {"Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}],
        ("remove", *FOR, "--scope", "account"),
    ),
    "remove one of a list": (
        [ADMIN, IRSA | {"Condition": {"StringEquals": {SUB: TWO}}}],
        ("remove", "--issuer", OIDC, *FOR),
    ),
    "remove a provider": ([ADMIN, IRSA], ("remove", "--issuer", OIDC)),
    "remove one of its two statements": (
        [ADMIN, *(IRSA | {"Condition": {"StringEquals": {SUB: sub}}} for sub in TWO)],
        ("remove", "--issuer", OIDC, *FOR),
    ),
    "tighten": ([ADMIN, IRSA, WIDE], ("tighten",)),
}


@pytest.mark.parametrize(("before", "line"), EDITS.values(), ids=EDITS)
def test_what_is_said_to_stay_does_stay(
    box: Sandbox, podid: Podid, journal: Path, before: list[Any], line: tuple[str, ...]
) -> None:
    add_role(box.world, box.iam, "r", {"Version": "2012-10-17", "Statement": before})
    use(box, "orders", role="r")
    done = podid("trust", line[0], "--role", "r", *line[1:], "--yes", "-o", "json")
    assert done.code == 0, done.stderr
    [action] = done.json["actions"]
    principals = json.dumps([statement["Principal"] for statement in action["after"]["policyDocument"]["Statement"]])
    also = [note for note in done.json["notes"] if "also trusts" in note]
    assert also
    for principal in (ROOT, OIDC):
        said = f"role r also trusts {principal} (unchanged)" in also
        assert said is (principal in principals), principal


EMPTY: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
NOBODY: dict[str, tuple[tuple[str, ...], int]] = {
    "check": (("check", *FOR), 3),
    "add": (("add", *FOR), 0),
    "remove": (("remove", *FOR), 0),
    "remove --issuer": (("remove", "--issuer", OIDC), 0),
    "remove --issuer --for": (("remove", "--issuer", OIDC, *FOR), 0),
    "tighten": (("tighten", *FOR), 6),
}


@pytest.mark.parametrize("of", ["a file", "a role"])
@pytest.mark.parametrize(("line", "code"), NOBODY.values(), ids=NOBODY)
def test_a_policy_without_statements(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, line: tuple[str, ...], code: int, of: str
) -> None:
    verb, *flags = line
    if of == "a file":
        (tmp_path / "empty.json").write_text(json.dumps(EMPTY))
        where = () if "--issuer" in flags else ("--cluster-arn", CLUSTER_ARN)
        found = podid("trust", verb, str(tmp_path / "empty.json"), *flags, *where, "-o", "json")
    else:
        add_role(box.world, box.iam, "r", EMPTY)
        flags = [] if verb == "tighten" else flags
        consent = () if verb == "check" else ("--yes",)
        found = podid("trust", verb, "--role", "r", *flags, *consent, "-o", "json")
    assert found.code == code, (found.stdout, found.stderr)
    if verb == "add" and of == "a role":
        assert [who(statement) for statement in trust_of(box, "r")] == [("shop", "orders")]


def test_a_role_that_admits_nobody_is_shown_extended_and_examined(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", EMPTY)
    assert podid("role", "show", "r").code == 0
    line = ("associate", "shop/orders", "--role", "r", "--wait", "none")
    assert podid(*line).code == 6
    use(box, "cart", role="r")
    found = podid("doctor", "shop/cart", "-o", "json")
    assert "trust-wrong-principal" in [finding["id"] for finding in found.json["findings"]]
    assert podid(*line, "--update-trust").code == 0
    assert len(trust_of(box, "r")) == 1


def test_a_role_that_no_association_uses_is_checked_for_anybody(box: Sandbox, podid: Podid, wide: str) -> None:
    found = podid("trust", "check", "--role", wide, "-o", "json")
    assert (found.code, found.json["kind"], found.json["verdict"]) == (0, "TrustAccess", "match")
    assert f"no association of cluster demo uses role {wide}" in podid("trust", "check", "--role", wide).stderr


def test_an_issuer_goes_without_a_cluster(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", {"Version": "2012-10-17", "Statement": [IRSA, ADMIN]})
    url = "https://oidc.eks.us-west-2.amazonaws.com/id/ABC"
    assert podid("trust", "remove", "--role", "r", "--issuer", url, "--yes", PODID_CLUSTER="").code == 0
    assert trust_of(box, "r") == [ADMIN]
    assert box.faults.calls["eks", "DescribeCluster"] == 0


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
    assert (full.code, "IAM allows 2048" in full.error["message"]) == (6, True)
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
    "regions that are not enabled": (Unread("2 regions", "they reject these credentials", disabled=True), True),
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
    assert refused.error["details"][0].startswith("af-south-1: they reject these credentials")
    assert podid(*line, "--skip-disabled-regions").code == 0
