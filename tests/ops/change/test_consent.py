"""What needs a flag, what --dry-run leaves alone, and that a rerun of anything changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from ops.change.support import account_state, policy_file, runs, writes
from podid.sandbox.baseline import add_role, pods_trust, service_trust
from podid.sandbox.box import Sandbox

ORDERS = ("--for", "shop/orders")
ASSOCIATE = ("associate", "shop/orders", "--wait", "none", "--role")
MIXED_TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Id": "kept",
    "Statement": [
        {
            "Sid": "Ci",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": ["b", "a"]}},
        },
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": ["sts:AssumeRole"]},
    ],
}


@pytest.fixture
def foreign(box: Sandbox) -> str:
    """A role of other people's, whose trust EKS accepts for nobody of ours."""
    add_role(box.world, box.iam, "shared", MIXED_TRUST)
    return "shared"


def changing(policy: str, other: str) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """For each changing command what is run first, and the command."""
    create = ("role", "create", "shop-orders", *ORDERS)
    return {
        "role create": ((), (*create, "--policy-file", policy, "--managed-policy", "AmazonS3ReadOnlyAccess")),
        "role create, more": (
            create,
            (*create, "--policy-file", other, "--for", "shop/cart", "--update-trust", "--replace"),
        ),
        "associate": ((), (*ASSOCIATE, "storefront")),
        "associate two": ((), ("associate", "shop/cart", *ASSOCIATE[1:], "storefront", "--tag", "a=b")),
        "replace": ((*ASSOCIATE, "orders-dynamodb"), (*ASSOCIATE, "storefront", "--replace")),
        "session policy": ((), (*ASSOCIATE, "orders-dynamodb", "--session-policy", policy)),
        "target role": ((), (*ASSOCIATE, "storefront", "--target-role", "arn:aws:iam::444455556666:role/x")),
        "update trust": ((), (*ASSOCIATE, "article-2023", "--update-trust")),
        "disassociate": (
            (*ASSOCIATE, "storefront"),
            ("disassociate", "shop/orders", "--yes", "--ignore-not-found", "--wait", "none"),
        ),
        "install agent": ((), ("install-agent", "--wait", "none")),
        "undo": ((*ASSOCIATE, "storefront"), ("undo", "last", "--yes")),
    }


@pytest.mark.parametrize("name", changing("", ""))
def test_dry_run_changes_nothing_and_a_rerun_neither(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, name: str
) -> None:
    first, command = changing(policy_file(tmp_path), policy_file(tmp_path, name="other.json"))[name]
    assert not first or podid(*first).code == 0
    before, count = account_state(box), writes(box)
    files = sorted(tmp_path.rglob("*"))

    planned = podid(*command, "--dry-run", "-o", "json")

    assert planned.code == 0, planned.stderr
    assert (account_state(box), writes(box), sorted(tmp_path.rglob("*"))) == (before, count, files)
    assert planned.json["kind"] == "Plan"
    plan = [item for item in planned.json["actions"] if item["status"] == "planned"]
    assert plan

    done = podid(*command, "-o", "json")

    assert done.code == 0, done.stderr
    assert done.json["kind"] == "Result"
    carried_out = [item for item in done.json["actions"] if item["status"] == "done"]
    assert [(i["kind"], i["verb"], i["target"], i["before"]) for i in plan] == [
        (i["kind"], i["verb"], i["target"], i["before"]) for i in carried_out
    ]
    for one, other in zip(plan, carried_out, strict=True):
        assert one["after"] is other["after"] is None or one["after"].items() <= other["after"].items()
    assert writes(box) == count + len(plan)

    after, count, history = account_state(box), writes(box), runs(podid)
    again = podid(*command, "-o", "json")

    assert again.code == 0, again.stderr
    assert {item["status"] for item in again.json["actions"]} == ({"unchanged"} if name != "undo" else set())
    assert again.json["runId"] is None
    assert (account_state(box), writes(box), runs(podid)) == (after, count, history)


def test_dry_run_settles_nothing(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.faults.fail("eks", "CreatePodIdentityAssociation")
    assert podid(*ASSOCIATE, "storefront").code == 7
    box.faults.clear()
    file = next(journal.iterdir())
    before = file.read_bytes()
    assert podid(*ASSOCIATE, "storefront", "--dry-run").code == 0
    assert (list(journal.iterdir()), file.read_bytes()) == ([file], before)


def test_yes_never_changes_a_trust_policy(box: Sandbox, podid: Podid, journal: Path, foreign: str) -> None:
    before = account_state(box)

    associate = podid(*ASSOCIATE, foreign, "--yes", "-o", "json")
    create = podid("role", "create", foreign, *ORDERS, "--yes", "-o", "json")

    assert (associate.code, create.code) == (6, 6)
    assert (
        associate.error["hint"] == "podid associate shop/orders --wait none --role shared --yes -o json --update-trust"
    )
    assert create.error["hint"] == "podid role create shared --for shop/orders --yes -o json --update-trust --adopt"
    assert (account_state(box), writes(box)) == (before, 0)
    assert not journal.exists()


def test_update_trust_adds_one_statement_and_keeps_the_others(
    box: Sandbox, podid: Podid, journal: Path, foreign: str
) -> None:
    outcome = podid(*ASSOCIATE, foreign, "--update-trust")

    assert outcome.code == 0, outcome.stderr
    trust = account_state(box)["roles"][foreign]["trust"]
    assert json.dumps({**trust, "Statement": trust["Statement"][:2]}) == json.dumps(MIXED_TRUST)
    assert len(trust["Statement"]) == 3
    assert "role shared also trusts arn:aws:iam::111122223333:root (unchanged)" in outcome.stderr
    assert "role shared also trusts lambda.amazonaws.com (unchanged)" in outcome.stderr
    assert podid("undo", "last", "--yes").code == 0
    assert json.dumps(account_state(box)["roles"][foreign]["trust"]) == json.dumps(MIXED_TRUST)


def test_a_foreign_role_is_changed_only_with_adopt(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    as_it_is = ("role", "create", "storefront", *ORDERS)
    assert podid(*as_it_is).code == 0  # admitted already
    assert writes(box) == 0
    create = (*as_it_is, "--policy-file", policy_file(tmp_path))

    refused = podid(*create, "-o", "json")

    assert (refused.code, writes(box)) == (6, 0)
    assert "was not created by podid, according to its journal" in refused.error["message"]
    assert "create inline policy read-table of role storefront" in refused.error["message"]
    assert refused.error["hint"].endswith("--adopt")
    assert podid(*create, "--yes").code == 6
    assert podid(*create, "--adopt").code == 0
    assert "read-table" in account_state(box)["roles"]["storefront"]["inline"]


def test_the_other_principals_are_listed_before_adopting(
    box: Sandbox, podid: Podid, journal: Path, foreign: str, tmp_path: Path
) -> None:
    create = ("role", "create", foreign, *ORDERS, "--update-trust", "--policy-file", policy_file(tmp_path))
    refused = podid(*create)
    assert refused.code == 6
    assert "role shared also trusts lambda.amazonaws.com" in refused.stderr
    assert podid(*create, "--adopt").code == 0


def test_a_tag_is_no_authority(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    add_role(box.world, box.iam, "tagged", pods_trust(), tags={"managed-by": "podid"})
    outcome = podid("role", "create", "tagged", *ORDERS, "--policy-file", policy_file(tmp_path))
    assert outcome.code == 6


@pytest.mark.parametrize("path", ["/aws-service-role/eks.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"])
def test_roles_of_aws_are_refused(box: Sandbox, podid: Podid, journal: Path, path: str) -> None:
    add_role(box.world, box.iam, "awss-own", service_trust("eks.amazonaws.com"), path=path)
    for command in (
        (*ASSOCIATE, "awss-own", "--update-trust", "--yes"),
        ("role", "create", "awss-own", *ORDERS, "--update-trust", "--adopt", "--yes"),
    ):
        outcome = podid(*command)
        assert outcome.code == 6
        assert f"Role awss-own belongs to AWS (path {path}): podid does not change it" in outcome.stderr
    assert writes(box) == 0


@pytest.mark.parametrize("command", [("disassociate", "shop/orders"), ("undo", "last")])
def test_deleting_and_undoing_need_a_yes(box: Sandbox, podid: Podid, journal: Path, command: tuple[str, ...]) -> None:
    assert podid(*ASSOCIATE, "storefront").code == 0
    count = writes(box)
    outcome = podid(*command, "-o", "json")
    assert (outcome.code, writes(box)) == (2, count)
    assert outcome.error["hint"] == f"podid {' '.join(command)} -o json --yes"
    assert len(runs(podid)) == 1


def test_what_is_not_there_is_not_deleted_in_silence(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*ASSOCIATE, "storefront").code == 0
    count = writes(box)
    command = ("disassociate", "shop/orders", "shop/order", "--yes")

    refused = podid(*command, "-o", "json")

    assert (refused.code, writes(box)) == (5, count)
    assert refused.error["message"] == "shop/order has no association in cluster demo; did you mean shop/orders?"
    assert refused.error["hint"] == f"podid {' '.join(command)} -o json --ignore-not-found"
    assert podid(*command, "--ignore-not-found").code == 0


def test_an_association_with_other_settings_needs_replace(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*ASSOCIATE, "storefront").code == 0
    count = writes(box)
    outcome = podid(*ASSOCIATE, "orders-dynamodb", "--yes", "-o", "json")
    assert (outcome.code, writes(box)) == (6, count)
    assert (
        outcome.error["hint"]
        == "podid associate shop/orders --wait none --role orders-dynamodb --yes -o json --replace"
    )


def test_settings_that_eks_did_not_apply_are_reported(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    assert podid(*ASSOCIATE, "orders-dynamodb", "--session-policy", policy_file(tmp_path)).code == 0
    laid_out = policy_file(tmp_path, json.dumps(json.loads(Path(policy_file(tmp_path)).read_text()), indent=7))
    again = podid(*ASSOCIATE, "orders-dynamodb", "--session-policy", laid_out, "-o", "json")
    assert (again.code, {item["status"] for item in again.json["actions"]}) == (0, {"unchanged"})


def test_a_session_policy_goes_only_without_session_tags(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    assert podid(*ASSOCIATE, "orders-dynamodb", "--session-policy", policy_file(tmp_path)).code == 0
    count = writes(box)
    command = (*ASSOCIATE, "orders-dynamodb", "--session-tags", "--replace")
    refused = podid(*command)
    assert (refused.code, writes(box)) == (6, count)
    assert "shop/orders has a session policy, which EKS does not accept with session tags" in refused.stderr
    assert f"podid {' '.join(command)} --no-session-policy" in refused.stderr
    assert podid(*command, "--no-session-policy").code == 0


def test_tags_of_an_existing_association(box: Sandbox, podid: Podid, journal: Path) -> None:
    """Like every other setting: a conflict without --replace, shown in the plan, and taken back by undo."""

    def tags() -> dict[str, str]:
        return dict(account_state(box)["associations"][0][-1])

    assert podid(*ASSOCIATE, "storefront", "--tag", "team=a").code == 0
    assert podid(*ASSOCIATE, "storefront", "--tag", "team=a").code == 0
    command = (*ASSOCIATE, "orders-dynamodb", "--tag", "team=b", "--tag", "new=1")
    count = writes(box)
    refused = podid(*command)
    assert (refused.code, writes(box)) == (6, count)
    assert "  shop/orders tag new: none -> 1\n  shop/orders tag team: a -> b\n" in refused.stderr
    changed = podid(*command, "--replace")
    assert (changed.code, tags()) == (0, {"team": "b", "new": "1"})
    assert "tags.new: none -> 1" in changed.stderr
    assert (podid("undo", "last", "--yes").code, tags()) == (0, {"team": "a"})

    box.faults.fail("eks", "UpdatePodIdentityAssociation")
    failed = podid(*command, "--replace")
    assert (failed.code, tags()) == (7, {"team": "a"})  # what belongs together is changed together, or not at all


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--permissions-boundary", "arn:aws:iam::aws:policy/PowerUserAccess"), ("--path", "/teams/")],
)
def test_a_boundary_that_is_not_there_is_no_success(
    box: Sandbox, podid: Podid, journal: Path, flag: str, value: str
) -> None:
    outcome = podid("role", "create", "storefront", *ORDERS, flag, value)
    assert (outcome.code, writes(box)) == (6, 0)
    assert value in outcome.stderr
