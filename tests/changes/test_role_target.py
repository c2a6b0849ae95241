"""`role create --target-role`: both sides of a chain, in one account and across two."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from podid.domain import trust
from podid.sandbox.baseline import add_role
from podid.sandbox.box import Sandbox

from .support import account_state, writes

OWN, OTHER = "111122223333", "999988887777"
BASE = f"arn:aws:iam::{OWN}:role/shop-orders"
CREATE = ("role", "create", "shop-orders", "--for", "shop/orders", "--target-role")
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "sts:AssumeRole"}
ADD = "must add to its trust policy: "


def arn(account: str) -> str:
    return f"arn:aws:iam::{account}:role/reports"


def make_target(box: Sandbox, account: str, *statements: Any) -> None:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    box.iam.make_role(account, "reports", json.dumps(document))


def names_role(name: str = "shop-orders", **more: Any) -> dict[str, Any]:
    principal = {"AWS": f"arn:aws:iam::{OWN}:role/{name}"}
    return {"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"], **more}


def profile(box: Sandbox, directory: Path, account: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An AWS profile with the rights of an administrator of that account."""
    key = box.world.credentials.add_user("auditor", account=account)
    file = directory / "credentials"
    file.write_text(
        f"[theirs]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    return "theirs"


def added(notes: list[str]) -> list[Any]:
    """The statements that the owner is told to add."""
    texts = [note.partition(ADD)[2] for note in notes if ADD in note]
    found = [json.loads(text) for text in texts]
    return [item for each in found for item in (each if isinstance(each, list) else [each])]


@pytest.mark.parametrize("where", [OWN, OTHER])
def test_the_base_may_go_on_and_the_owner_is_told_what_to_add(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    account = where
    make_target(box, account, names_role("somebody"))
    other = () if account == OWN else ("--target-profile", profile(box, tmp_path, account, monkeypatch))
    command = (*CREATE, arn(account), *other, "-o", "json")

    outcome = podid(*command)

    assert outcome.code == 0, outcome
    assert account_state(box)["roles"]["shop-orders"]["inline"] == {
        "assume-reports": trust.base_role_permissions(arn(account))
    }
    assert any("must let role shop-orders in for shop/orders, and it does not" in n for n in outcome.json["notes"])
    statements = added(outcome.json["notes"])
    box.iam.role_named(account, "reports").assume_role_policy_document = json.dumps(
        {"Version": "2012-10-17", "Statement": statements}
    )
    again = podid(*command)
    assert (again.code, again.json["runId"]) == (0, None)
    assert again.json["notes"][0] == f"target role {arn(account)} lets role shop-orders in for shop/orders"
    assert added(again.json["notes"]) == []
    assert statements[0]["Principal"] == {"AWS": BASE}
    tags = statements[0]["Condition"]["StringEquals"]
    assert tags["aws:RequestTag/kubernetes-service-account"] == "orders"


def test_without_session_tags_no_tag_is_asked_for(box: Sandbox, podid: Podid, journal: Path) -> None:
    make_target(box, OWN, names_role("somebody"))
    plan = podid(*CREATE, arn(OWN), "--no-session-tags", "--for", "shop/cart", "--dry-run", "-o", "json").json
    statements = added(plan["notes"])
    assert [item["Action"] for item in statements] == [["sts:AssumeRole"], ["sts:TagSession"]]
    assert all("Condition" not in item for item in statements)


def test_a_target_that_cannot_be_looked_at_is_not_looked_at(box: Sandbox, podid: Podid, journal: Path) -> None:
    plan = podid(*CREATE, arn(OTHER), "--dry-run", "-o", "json").json
    assert plan["notes"][0].startswith(f"target role {arn(OTHER)} was not looked at: it is in account {OTHER}")
    assert "--target-profile" in plan["notes"][0]
    (statement,) = added(plan["notes"])
    assert statement["Principal"] == {"AWS": BASE}


def test_a_target_that_does_not_exist(box: Sandbox, podid: Podid, journal: Path) -> None:
    outcome = podid(*CREATE, arn(OWN), "-o", "json")
    assert outcome.code == 0
    assert outcome.json["notes"][0] == f"target role {arn(OWN)} does not exist"
    assert len(added(outcome.json["notes"])) == 1


def test_a_profile_of_another_account_is_refused(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = profile(box, tmp_path, "123123123123", monkeypatch)
    outcome = podid(*CREATE, arn(OTHER), "--target-profile", name, "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (2, "", 0)
    assert all(word in outcome.error["message"] for word in ("123123123123", OTHER))


def test_a_profile_without_a_target(box: Sandbox, podid: Podid, journal: Path) -> None:
    outcome = podid("role", "create", "x", "--for", "shop/orders", "--target-profile", "p", "-o", "json")
    assert (outcome.code, outcome.error["code"]) == (2, "Usage")


@pytest.mark.parametrize("where", [OWN, OTHER])
def test_printing_prints_both_sides(box: Sandbox, podid: Podid, journal: Path, where: str) -> None:
    """The target's side is beside the role, where the form has a place that changes nothing."""
    make_target(box, where, ROOT)
    printed = {form: podid(*CREATE, arn(where), "--print", form) for form in ("json", "terraform", "cloudformation")}
    assert ([one.code for one in printed.values()], writes(box)) == ([0, 0, 0], 0)
    assert all("reports" in one.stdout and ADD in one.stderr for one in printed.values())
    whole, template = json.loads(printed["json"].stdout), json.loads(printed["cloudformation"].stdout)
    beside = whole.pop("TargetRole")
    assert beside == {"RoleArn": arn(where), "AddToTrustPolicy": added(printed["json"].stderr.splitlines())}
    assert template["Metadata"] == {"TargetRole": beside}
    (resource,) = template["Resources"].values()
    assert resource["Properties"] == whole
    role, _, comment = printed["terraform"].stdout.partition(f"\n# The owner of target role {arn(where)} must add")
    assert "#" not in role
    lines = comment.splitlines()[1:]
    assert json.loads("".join(line.removeprefix("# ") for line in lines)) == beside["AddToTrustPolicy"]
    associate = podid(*WAYS["associate"].split(), arn(where), "--print", "terraform")
    assert (associate.code, ADD in associate.stderr) == (0, True)


def test_a_target_that_lets_the_role_in_is_owed_nothing(box: Sandbox, podid: Podid, journal: Path) -> None:
    make_target(box, OWN, names_role())
    assert "TargetRole" not in podid(*CREATE, arn(OWN), "--print", "json").stdout
    make_target(box, OTHER)
    untagged = json.loads(podid(*CREATE, arn(OTHER), "--no-session-tags", "--print", "json").stdout)["TargetRole"]
    assert "external id" in untagged["Notes"][0]


def test_the_chain_works_end_to_end(box: Sandbox, podid: Podid, journal: Path) -> None:
    """What was told, done: `show` finds nothing wrong with the second hop."""
    outcome = podid(*CREATE, arn(OWN), "-o", "json")
    add_role(box.world, box.iam, "reports", {"Version": "2012-10-17", "Statement": added(outcome.json["notes"])})
    associate = ("associate", "shop/orders", "--role", "shop-orders", "--target-role", arn(OWN), "--wait", "none")
    assert podid(*associate).code == 0
    hop = podid("show", "shop/orders", "-o", "json").json["secondHop"]
    assert (hop["verdict"], hop["findings"]) == ("match", [])


# --- --update-trust writes the target's side, too -------------------------------------------------------------------

WAYS = {
    "create": "role create shop-orders --for shop/orders --target-role",
    "associate": "associate shop/orders --create-role --role shop-orders --wait none --target-role",
}


def trust_of(box: Sandbox, account: str) -> Any:
    return json.loads(box.iam.role_named(account, "reports").assume_role_policy_document)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", [OWN, OTHER])
def test_both_sides_are_one_plan_one_run_and_one_undo(
    box: Sandbox,
    podid: Podid,
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    way: str,
) -> None:
    account = where
    make_target(box, account, ROOT)
    before = account_state(box), trust_of(box, account)
    other = () if account == OWN else ("--target-profile", profile(box, tmp_path, account, monkeypatch))
    command = (*WAYS[way].split(), arn(account), *other, "--update-trust", "-o", "json")

    plan = podid(*command, "--dry-run").json
    assert trust_of(box, account) == before[1]
    outcome = podid(*command)

    assert outcome.code == 0, outcome
    changed = [item for item in outcome.json["actions"] if item["kind"] == "target-trust"]
    assert [(item["target"], item["status"]) for item in changed] == [(arn(account), "done")]
    assert [item["target"] for item in plan["actions"]] == [item["target"] for item in outcome.json["actions"]]
    first, second = trust_of(box, account)["Statement"]
    assert (first, second["Principal"]) == (ROOT, {"AWS": BASE})
    assert second["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] == "orders"
    again = podid(*command)
    assert (again.code, again.json["runId"]) == (0, None)
    assert f"target role {arn(account)} lets role shop-orders in for shop/orders" in again.json["notes"]
    assert podid("undo", "last", "--yes").code == 0
    assert (account_state(box), trust_of(box, account)) == before


def test_an_association_that_gets_a_target_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid("role", "create", "shop-orders", "--for", "shop/orders").code == 0
    make_target(box, OWN, ROOT)
    argv = ("associate", "shop/orders", "--role", "shop-orders", "--target-role", arn(OWN), "--wait", "none")
    told = podid(*argv, "--dry-run", "-o", "json").json
    assert [item["id"] for item in told["after"]] == ["target-role-trust-broken"]
    elsewhere = podid(*argv[:-3], arn(OTHER), "--wait", "none", "--dry-run", "-o", "json").json
    assert [item["state"] for item in elsewhere["after"]] == ["unknown"]
    assert elsewhere["after"][0]["permission"] == f"iam:GetRole in account {OTHER}"
    mended = podid(*argv, "--update-trust", "--dry-run", "-o", "json").json
    assert [item["id"] for item in mended["after"]] == ["base-role-cannot-assume-target"]
    done = podid(*argv, "--update-trust", "-o", "json")
    assert [item["kind"] for item in done.json["actions"]] == ["target-trust", "association"]
    assert [item["Principal"]["AWS"] for item in trust_of(box, OWN)["Statement"]][1:] == [BASE]


def test_without_session_tags_the_external_id_binds_it(box: Sandbox, podid: Podid, journal: Path) -> None:
    """EKS makes the id up with the association, so the first run cannot know it and leaves the target as it is."""
    make_target(box, OWN, ROOT)
    argv = (*WAYS["associate"].split(), arn(OWN), "--no-session-tags", "--update-trust", "-o", "json")
    first = podid(*argv)
    assert first.code == 0, first
    assert any("once shop/orders is associated with this target role" in note for note in first.json["notes"])
    assert len(trust_of(box, OWN)["Statement"]) == 1
    second = podid(*argv)
    assert [item["kind"] for item in second.json["actions"] if item["status"] == "done"] == ["target-trust"]
    _, assume, tag = trust_of(box, OWN)["Statement"]
    wanted = f"us-west-2/{OWN}/demo/shop/orders"
    assert assume["Condition"] == {"StringEquals": {"sts:ExternalId": wanted}}
    assert (assume["Action"], tag["Action"]) == (["sts:AssumeRole"], ["sts:TagSession"])
    assert podid(*argv).json["runId"] is None


@pytest.mark.parametrize("way", WAYS)
def test_a_target_that_may_be_read_and_not_changed(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The role is whole, and what its owner must add is said."""
    make_target(box, OTHER, ROOT)
    name = profile(box, tmp_path, OTHER, monkeypatch)
    box.world.credentials.deny("iam:UpdateAssumeRolePolicy")
    outcome = podid(*WAYS[way].split(), arn(OTHER), "--target-profile", name, "--update-trust", "-o", "json")
    assert outcome.code == 8
    assert [(item["kind"], item["status"]) for item in outcome.json["actions"]][:3] == [
        ("role", "done"),
        ("role-policy", "done"),
        ("target-trust", "failed"),
    ]
    assert "iam:UpdateAssumeRolePolicy" in outcome.stderr
    assert len(added(outcome.json["notes"])) == 1
    assert "shop-orders" in account_state(box)["roles"]


def test_a_profile_that_has_become_another_accounts_touches_nothing(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_target(box, OTHER, ROOT)
    make_target(box, "123123123123", ROOT)
    name = profile(box, tmp_path, OTHER, monkeypatch)
    assert podid(*CREATE, arn(OTHER), "--target-profile", name, "--update-trust").code == 0
    profile(box, tmp_path, "123123123123", monkeypatch)
    count = writes(box)
    assert (podid("undo", "last", "--yes").code, writes(box)) == (6, count)


def test_what_keeps_the_role_from_going_on_is_said(box: Sandbox, podid: Podid, journal: Path) -> None:
    """The policy is there, and a boundary outweighs it."""
    make_target(box, OWN, names_role("shop-orders"))
    bounded = (*CREATE, arn(OWN), "--boundary", "AmazonS3ReadOnlyAccess", "-o", "json")
    first = podid(*bounded).json["notes"]
    assert f"must allow sts:AssumeRole on {arn(OWN)}, too" in "\n".join(first)
    wanted = f"role shop-orders may not go on to {arn(OWN)}: its permissions boundary does not allow sts:AssumeRole"
    assert wanted in podid(*bounded).json["notes"]
    box.world.credentials.deny("iam:SimulatePrincipalPolicy")
    assert any(note.endswith("needs iam:SimulatePrincipalPolicy") for note in podid(*bounded).json["notes"])
