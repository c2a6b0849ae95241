"""Signed plans of a migration."""

from datetime import UTC, datetime

import pytest

from podid.domain.errors import Conflict
from podid.ops.migrate.saved import read_plan, saved_plan
from podid.render.formats import to_json

NOW = datetime(2026, 12, 3, tzinfo=UTC)
PLAN = {"apiVersion": "podid/v1", "kind": "MigrationPlan", "items": []}


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
