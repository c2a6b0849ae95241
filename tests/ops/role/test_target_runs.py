"""`role create --target-role` and the target role in one account and across two."""

import json
import shlex
from pathlib import Path

import pytest

from harness import Podid
from ops.change.support import account_state, writes
from ops.role.targets import (
    BASE,
    CREATE_CHAIN,
    OTHER,
    OWN,
    WAYS,
    arn,
    bound,
    make_target,
    names_role,
    owner_changes,
    profile,
    trust_of,
)
from podid.domain import trust
from podid.sandbox.baseline import add_role, pods_trust
from podid.sandbox.box import Sandbox


@pytest.mark.parametrize("owner", [OWN, OTHER])
def test_the_role_is_created_and_the_owner_must_add_a_statement(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    make_target(box, owner, names_role("somebody"))
    other = () if owner == OWN else ("--target-profile", profile(box, tmp_path, owner, monkeypatch))
    command = (*CREATE_CHAIN, arn(owner), *other, "--force", "-o", "json")

    outcome = podid(*command)

    assert outcome.code == 3, outcome
    assert outcome.json["targetRoles"][0]["command"] == ["podid", *command, "--update-trust"]
    assert account_state(box)["roles"]["shop-orders"]["inline"] == {
        "assume-reports": trust.base_role_permissions(arn(owner))
    }
    assert any("does not allow role shop-orders to assume it for shop/orders" in n for n in outcome.json["notes"])
    statements = owner_changes(outcome.json)
    box.iam.role_named(owner, "reports").assume_role_policy_document = json.dumps(
        {"Version": "2012-10-17", "Statement": statements}
    )
    again = podid(*command)
    assert (again.code, again.json["runId"]) == (0, None)
    assert again.json["notes"][0] == f"target role {arn(owner)} allows role shop-orders to assume it for shop/orders"
    assert again.json["targetRoles"] == []
    assert statements[0]["Principal"] == {"AWS": BASE}
    tags = statements[0]["Condition"]["StringEquals"]
    assert tags["aws:RequestTag/kubernetes-service-account"] == "orders"


@pytest.mark.parametrize("flags", [("--dry-run",), ("--update-trust",), ()])
def test_without_session_tags_the_command_for_the_external_ids_is_in_the_result(
    box: Sandbox, podid: Podid, journal: Path, flags: tuple[str, ...]
) -> None:
    """They are known once the associations exist, which require the role."""
    add_role(box.world, box.iam, "somebody", pods_trust())
    make_target(box, OWN, names_role("somebody"))
    line = (*CREATE_CHAIN, arn(OWN), "--no-session-tags", "--for", "shop/cart", "-c", "demo")
    outcome = podid(*line, *flags, "-o", "json")
    assert outcome.code == (0 if flags == ("--dry-run",) else 3), outcome.stderr
    (change,) = outcome.json["targetRoles"]
    assert [item["Action"] for item in change["addToTrustPolicy"]] == [
        *(["sts:AssumeRole"], ["sts:TagSession"]),
        ["sts:AssumeRole"],
    ]
    assert bound(change["addToTrustPolicy"])
    assert (change["verdict"], change["externalIdOf"]) == ("no-match", ["shop/cart", "shop/orders"])
    command = ("associate", "shop/orders", "shop/cart", "--role", "shop-orders", "--target-role", arn(OWN))
    assert change["command"] == ["podid", *command, "--no-session-tags", "--update-trust", "--cluster", "demo"]
    assert shlex.join(change["command"]) in podid(*line, *flags, "-q").stdout
    if "--dry-run" not in flags:
        assert podid(*change["command"][1:], "--wait", "none").code == 0
        after = trust_of(box, OWN)["Statement"]
        assert [item["Condition"]["StringEquals"]["sts:ExternalId"] for item in after if "Condition" in item] == [
            f"us-west-2/{OWN}/demo/shop/orders",
            f"us-west-2/{OWN}/demo/shop/cart",
        ]


def test_a_target_role_of_another_account_is_not_checked(box: Sandbox, podid: Podid, journal: Path) -> None:
    plan = podid(*CREATE_CHAIN, arn(OTHER), "--dry-run", "-o", "json").json
    assert plan["notes"][0].startswith(f"target role {arn(OTHER)} was not checked: it is in account {OTHER}")
    assert "--target-profile" in plan["notes"][0]
    (statement,) = owner_changes(plan)
    assert statement["Principal"] == {"AWS": BASE}
    assert plan["targetRoles"][0]["verdict"] == "unknown"
    assert podid(*CREATE_CHAIN, arn(OTHER)).code == 0


@pytest.mark.parametrize(
    ("way", "owner", "flags"), [("create", OWN, ("--force",)), ("associate", OTHER, ("--no-session-tags",))]
)
def test_a_command_for_a_target_role_that_does_not_exist(
    box: Sandbox,
    podid: Podid,
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    owner: str,
    flags: tuple[str, ...],
) -> None:
    """It is an error before the first write."""
    other = () if owner == OWN else ("--target-profile", profile(box, tmp_path, owner, monkeypatch))
    outcome = podid(*WAYS[way].split(), arn(owner), *other, *flags, "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (5, "", 0), outcome
    assert outcome.error["message"] == f"The target role {arn(owner)} does not exist"


def test_an_association_for_a_target_role_that_does_not_exist(box: Sandbox, podid: Podid, journal: Path) -> None:
    """EKS accepts it for an existing role; podid does not if it must change the target role."""
    add_role(box.world, box.iam, "open", pods_trust())
    line = ("associate", "shop/orders", "--role", "open", "--wait", "none", "--target-role", arn(OWN))
    assert (podid(*line, "--update-trust").code, writes(box)) == (5, 0)
    assert podid(*line).code == 3


@pytest.mark.parametrize("owner", [OWN, OTHER])
def test_a_target_role_that_does_not_allow_the_new_role(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    """An incomplete chain is an error before the first write, unless the user insists."""
    helps = owner == OWN
    add_role(box.world, box.iam, "somebody", pods_trust())
    make_target(box, owner, *((names_role("somebody"),) if helps else (names_role(), names_role(Effect="Deny"))))
    other = () if owner == OWN else ("--target-profile", profile(box, tmp_path, owner, monkeypatch))
    line = (*CREATE_CHAIN, arn(owner), *other, "-o", "json")
    refused = podid(*line)
    assert (refused.code, refused.stdout, writes(box)) == (6, "", 0)
    assert refused.error["message"].startswith(
        f"Target role {arn(owner)} does not allow role shop-orders to assume it for"
    )
    option = "--update-trust" if helps else "--force"
    assert refused.error["hint"] == shlex.join(("podid", *line, option))
    if not helps:
        assert podid(*line, "--update-trust").code == 6
    created = podid(*line, option)
    assert created.code == (0 if helps else 3), created
    assert "shop-orders" in account_state(box)["roles"]


def test_a_profile_of_another_account_is_refused(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = profile(box, tmp_path, "123123123123", monkeypatch)
    outcome = podid(*CREATE_CHAIN, arn(OTHER), "--target-profile", name, "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (2, "", 0)
    assert all(word in outcome.error["message"] for word in ("123123123123", OTHER))


def test_show_has_no_finding_of_the_complete_chain(box: Sandbox, podid: Podid, journal: Path) -> None:
    """The owner has added the statement."""
    make_target(box, OWN)
    outcome = podid(*CREATE_CHAIN, arn(OWN), "--force", "-o", "json")
    box.iam.role_named(OWN, "reports").assume_role_policy_document = json.dumps(
        {"Version": "2012-10-17", "Statement": owner_changes(outcome.json)}
    )
    associate = ("associate", "shop/orders", "--role", "shop-orders", "--target-role", arn(OWN), "--wait", "none")
    assert podid(*associate).code == 0
    hop = podid("show", "shop/orders", "-o", "json").json["secondHop"]
    assert (hop["verdict"], hop["findings"]) == ("match", [])


def test_a_boundary_that_denies_the_chain_is_a_note(box: Sandbox, podid: Podid, journal: Path) -> None:
    """The role has the policy, but a boundary limits it."""
    make_target(box, OWN, names_role("shop-orders"))
    bounded = (*CREATE_CHAIN, arn(OWN), "--boundary", "AmazonS3ReadOnlyAccess", "-o", "json")
    first = podid(*bounded).json["notes"]
    assert f"must also allow sts:AssumeRole on {arn(OWN)}" in "\n".join(first)
    note = f"role shop-orders cannot assume {arn(OWN)}: its permissions boundary does not allow sts:AssumeRole"
    assert note in podid(*bounded).json["notes"]
    box.world.credentials.deny("iam:SimulatePrincipalPolicy")
    assert any(note.endswith("requires iam:SimulatePrincipalPolicy") for note in podid(*bounded).json["notes"])
