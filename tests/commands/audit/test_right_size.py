"""`podid right-size`: plan, consent and undo of --apply, and its options."""

import json
from pathlib import Path

import pytest

from ops.audit.roles import allow, policies, with_used_actions
from worlds import Site


def test_apply_writes_the_rest_and_undo_restores_it(shared: Site) -> None:
    used = with_used_actions(shared)
    before = policies(used)
    outcome = used("right-size", "shop/orders", "--apply", "--adopt")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert policies(used) == before
    used.must("right-size", "shop/orders", "--apply", "--adopt", "--yes")
    after = policies(used)
    assert {*after} == {"dynamodb-read", "AmazonSQSReadOnlyAccess-right-sized"}
    assert after["dynamodb-read"]["Statement"] == [{**allow(), "Action": "dynamodb:ListTables"}]
    assert "sqs:GetQueueUrl" in json.dumps(after)
    assert "sqs:ListQueues" not in json.dumps(after)
    again = used.must("right-size", "shop/orders", "--apply", "--yes")
    assert again.stdout == "nothing to change\n"
    used.must("undo", "last", "--yes")
    assert policies(used) == before


def test_a_role_of_others_requires_adopt(shared: Site) -> None:
    used = with_used_actions(shared)
    outcome = used("right-size", "shop/orders", "--apply", "--yes")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "--adopt" in outcome.stderr


@pytest.mark.parametrize("text", ["{", "[1]", '{"Records": [{"eventName": 1, "userIdentity": {}}]}'])
def test_a_malformed_file(shared: Site, tmp_path: Path, text: str) -> None:
    used = with_used_actions(shared)
    file = tmp_path / "trail.json"
    file.write_text(text)
    outcome = used("right-size", "shop/orders", "--events", str(file))
    assert outcome.code in (2, 5)
    assert outcome.stdout == ""
    assert "bug" not in outcome.stderr


@pytest.mark.parametrize("action", ["iam:GetServiceLastAccessedDetails", "iam:GetRolePolicy", "iam:GetPolicyVersion"])
def test_without_a_permission_there_is_no_result(shared: Site, action: str) -> None:
    used = with_used_actions(shared)
    used.box.world.credentials.deny(action)
    outcome = used("right-size", "shop/orders")
    assert (outcome.code, outcome.stdout) == (4, "")
    assert action in outcome.stderr


def test_dry_run_requires_apply(shared: Site) -> None:
    used = with_used_actions(shared)
    outcome = used("right-size", "shop/orders", "--dry-run")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "--apply" in outcome.stderr
    assert (
        json.loads(used.must("right-size", "shop/orders", "--apply", "--adopt", "--dry-run", "-o", "json").stdout)[
            "kind"
        ]
        == "Plan"
    )
