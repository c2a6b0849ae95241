"""Saved plans of a migration: signed ones, and forged ones."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from harness import table
from hostile.mutations import VALUES as FORGED
from podid.domain.errors import Conflict, InvalidInput
from podid.domain.migration import Blocker, CredentialCounts, ItemState, MigrationItem, OlderWay, Stage
from podid.domain.names import ServiceAccountRef
from podid.ops.migrate.saved import check_plan, read_plan, saved_plan
from podid.render.formats import to_json

NOW = datetime(2026, 12, 3, tzinfo=UTC)
PLAN = {"apiVersion": "podid/v1", "kind": "MigrationPlan", "items": []}


REF = ServiceAccountRef("legacy", "reports")
ARN = "arn:aws:eks:us-west-2:111122223333:cluster/demo"
ITEM = MigrationItem(
    ref=REF,
    source=OlderWay.IRSA,
    role_arn="arn:aws:iam::111122223333:role/irsa-reports",
    stage=Stage.OLD,
    pods=CredentialCounts(),
    state=ItemState(trust_policy="0123", annotations={"eks.amazonaws.com/role-arn": "x"}),
    blockers=(Blocker(id="windows-pod", message="a pod runs on Windows"),),
)
ENTRY = {
    "namespace": "legacy",
    "serviceAccount": "reports",
    "roleArn": ITEM.role_arn,
    "copyOf": None,
    "state": {"trustPolicy": "0123", "association": None, "annotations": {"eks.amazonaws.com/role-arn": "x"}},
    "blockers": [{"id": "windows-pod"}],
}


def compared(*entries: object, cluster: object = ARN) -> tuple[MigrationItem, ...]:
    migration: Any = SimpleNamespace(items=(ITEM,), place=SimpleNamespace(the_cluster=SimpleNamespace(arn=ARN)))
    return check_plan({**PLAN, "cluster": cluster, "items": list(entries)}, migration, "plan.json")


def test_the_items_of_the_plan_itself() -> None:
    assert compared(ENTRY) == (ITEM,)


@table("member", [*ENTRY])
def test_a_forged_member_is_refused(member: str) -> None:
    """Whatever it is: the plan selects items, and all of their state must be the present one."""
    values = [*FORGED.values(), {"id": "x"}, [{"id": "x"}], [{}]]
    for value in values:
        if value != ENTRY[member]:
            with pytest.raises((Conflict, InvalidInput)):
                compared({**ENTRY, member: value})


LACKING = [{key: ENTRY[key] for key in ENTRY if key != omitted} for omitted in ENTRY if omitted != "copyOf"]


@table("entry", [5, None, [], "x", {}, *LACKING])
def test_an_item_of_another_form_is_refused(entry: object) -> None:
    with pytest.raises(InvalidInput, match="is damaged"):
        compared(entry)


def test_an_item_twice_and_another_cluster_are_refused() -> None:
    with pytest.raises(InvalidInput, match="legacy/reports has several items"):
        compared(ENTRY, ENTRY)
    with pytest.raises(Conflict, match="is a plan for"):
        compared(ENTRY, cluster=ARN.replace("demo", "blue"))


def test_a_plan_is_signed_only_with_a_key() -> None:
    assert saved_plan(PLAN, NOW, None) == PLAN
    document = saved_plan(PLAN, NOW, b"key")
    assert document["savedAt"] == "2026-12-03T00:00:00Z"
    assert read_plan(to_json(document), "plan.json", b"key") == document
    assert read_plan(to_json(document), "plan.json") == document


def test_a_plan_without_its_signature_is_refused() -> None:
    document = saved_plan(PLAN, NOW, b"key")
    for changed in (PLAN, {**document, "items": [{}]}, {**document, "kind": "MigrationPlan", "savedAt": ""}):
        with pytest.raises(Conflict, match=r"plan\.json is not signed|does not match"):
            read_plan(to_json(changed), "plan.json", b"key")
