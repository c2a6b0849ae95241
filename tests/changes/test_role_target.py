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


@pytest.mark.parametrize("form", ["json", "terraform", "cloudformation"])
def test_printing_prints_both_sides(box: Sandbox, podid: Podid, journal: Path, form: str) -> None:
    outcome = podid(*CREATE, arn(OTHER), "--print", form)
    assert (outcome.code, writes(box)) == (0, 0)
    assert "assume-reports" in outcome.stdout.replace("assume_reports", "assume-reports")
    assert ADD in outcome.stderr


def test_the_chain_works_end_to_end(box: Sandbox, podid: Podid, journal: Path) -> None:
    """What was told, done: `show` finds nothing wrong with the second hop."""
    outcome = podid(*CREATE, arn(OWN), "-o", "json")
    add_role(box.world, box.iam, "reports", {"Version": "2012-10-17", "Statement": added(outcome.json["notes"])})
    associate = ("associate", "shop/orders", "--role", "shop-orders", "--target-role", arn(OWN), "--wait", "none")
    assert podid(*associate).code == 0
    hop = podid("show", "shop/orders", "-o", "json").json["secondHop"]
    assert (hop["verdict"], hop["findings"]) == ("match", [])
