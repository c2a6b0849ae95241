"""Policies of a role that differ from their presets."""

from pathlib import Path

import pytest

from harness import Podid
from ops.role.support import CREATE_READER, READ
from podid.sandbox.box import Sandbox


def test_a_policy_that_differs_from_its_preset(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE_READER, *READ).code == 0
    assert "preset-moved-on" not in podid("role", "show", "reader").stdout
    policies = box.iam.role_named("111122223333", "reader").policies
    policies["dynamodb-read-orders"] = policies["dynamodb-read-orders"].replace('"dynamodb:Scan"', '"dynamodb:Old"')
    finding = podid("role", "show", "reader", "-o", "json").json["findings"][-1]
    assert (finding["id"], finding["severity"]) == ("preset-moved-on", "info")
    assert "dynamodb:Scan and no longer has dynamodb:Old" in finding["message"]
    assert finding["fix"] == "podid role attach reader --preset dynamodb-read,table=orders --replace"
    listed = {item["roleName"]: item["movedOn"] for item in podid("role", "list", "-o", "json").json["items"]}
    assert [name for name, moved in listed.items() if moved] == ["reader"]
    assert listed["reader"] == [
        {
            "policyName": "dynamodb-read-orders",
            "preset": "dynamodb-read",
            "presetHas": ["dynamodb:Scan"],
            "policyHas": ["dynamodb:Old"],
            "command": finding["fix"].split(),
        }
    ]
    (row,) = [line for line in podid("role", "list").stdout.splitlines() if line.startswith("reader")]
    assert "dynamodb-read" in row.split("\t")
    assert podid(*finding["fix"].split()[1:]).code == 0
    assert "preset-moved-on" not in podid("role", "show", "reader").stdout
    assert not any(item["movedOn"] for item in podid("role", "list", "-o", "json").json["items"])


@pytest.mark.parametrize("permission", ["iam:ListRolePolicies", "iam:GetRolePolicy"])
def test_policies_that_cannot_be_read_are_not_compared(
    box: Sandbox, podid: Podid, journal: Path, permission: str
) -> None:
    assert podid(*CREATE_READER, *READ).code == 0
    box.world.credentials.deny(permission)
    outcome = podid("role", "list", "-o", "json")
    assert outcome.code == 0
    assert [item["movedOn"] for item in outcome.json["items"] if item["roleName"] == "reader"] == [None]
    (unknown,) = outcome.json["unknowns"]
    assert (unknown["what"], unknown["permission"]) == ("comparison of policies with their presets", permission)
