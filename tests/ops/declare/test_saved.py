"""Saved plans of files."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness import table
from ops.declare.worlds import ARN, LINK, ROLE, Filed
from podid.domain.errors import Conflict, InvalidInput
from podid.domain.fileplan import FilePlan
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Header, Plan
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.declare.saved import check_place, read_saved, saved_text
from worlds import ACCOUNT


@pytest.fixture
def saved(filed: Filed) -> Path:
    filed.write(roles=[ROLE], associations=[LINK])
    path = filed.site.directory / "plan.json"
    assert filed("plan", "--save", str(path)).code == 3
    return path


def test_a_saved_plan_is_applied_without_confirmation(filed: Filed, saved: Path) -> None:
    filed.site.associate("shop", "cart", "storefront")  # an unrelated change
    filed.site.must("apply", "--plan", str(saved), "--wait", "none")
    filed.settled()
    filed.write()
    assert filed("plan", "--prune", "--save", str(saved), "--force").code == 3
    filed.site.must("apply", "--plan", str(saved), "--wait", "none")
    assert set(filed.associations()) == {"shop/cart"}


def test_a_saved_plan_of_a_changed_state_is_refused(filed: Filed, saved: Path) -> None:
    filed.site.associate("shop", "web", "storefront")
    before = filed.state()
    outcome = filed.site("apply", "--plan", str(saved))
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "association shop/web exists already" in outcome.stderr
    assert filed.state() == before


def test_a_plan_of_another_account_and_a_damaged_one_change_nothing(filed: Filed, saved: Path) -> None:
    text = saved.read_text()
    (item,) = read_saved(text, "plan.json").plans
    header = replace(item.header, account="444455556666")
    saved.write_text(saved_text((replace(item, plan=replace(item.plan, header=header)),), NOW))
    outcome = filed.site("apply", "--plan", str(saved))
    assert (outcome.code, f"{saved} is a plan for account 444455556666" in outcome.stderr) == (6, True), outcome
    saved.write_text(text.replace("shop", "shup"))
    outcome = filed.site("apply", "--plan", str(saved))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"{saved} is not a plan of podid plan --save, or it is damaged" in outcome.stderr
    assert filed.role("web") is None


# --- the text ---------------------------------------------------------------------------------------------------------

HEADER = Header(caller_arn="arn:aws:sts::111122223333:x", account=ACCOUNT, region="us-west-2", cluster="demo")
REF = ServiceAccountRef("shop", "web")
STATE = {"namespace": "shop", "serviceAccount": "web", "roleArn": f"{ARN}web", "tags": {"team": "a"}}
CREATED, DELETED = ASSOCIATION.action(None, STATE), ASSOCIATION.action({**STATE, "serviceAccount": "api"}, None)
PLAN = FilePlan(
    plan=Plan(header=HEADER, actions=(CREATED, DELETED), notes=("a note",), separate=True),
    files=("shop",),
    unchanged=2,
    refs=(REF,),
    declared=(REF,),
    affected=(REF,),
    taken_over=True,
    pruned_keys=frozenset({("association", "shop/api")}),
    owners=frozenset({("podid:owner", "shop")}),
)
NOW = datetime(2026, 12, 3, tzinfo=UTC)
TEXT = saved_text((PLAN,), NOW)


def test_a_plan_is_read_back_as_it_was() -> None:
    saved = read_saved(TEXT, "plan.json")
    assert (saved.plans, saved.saved_at, saved.proven) == ((PLAN,), "2026-12-03T00:00:00Z", False)


@table(
    "text",
    [
        TEXT[: len(TEXT) // 2],
        TEXT.replace("shop", "shup"),
        TEXT.replace("podid/v1", "podid/v2"),
        json.dumps({**json.loads(TEXT), "digest": None}),
        json.dumps({**json.loads(TEXT), "kind": "PodIdentity"}),
        saved_text((), NOW),
        "apiVersion: podid/v1\nkind: PodIdentity\n",
        "",
        "[]",
    ],
)
def test_a_damaged_plan_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"plan\.json is not a plan of podid plan --save, or it is damaged"):
        read_saved(text, "plan.json")


@table(("member", "value"), [("account", "444455556666"), ("region", "eu-west-1"), ("cluster", "blue")])
def test_a_plan_of_another_place_is_refused(member: str, value: str) -> None:
    check_place(PLAN, HEADER, "plan.json")
    with pytest.raises(Conflict, match=f"plan for {member} .*, not for {value}"):
        check_place(PLAN, replace(HEADER, **{member: value}), "plan.json")
