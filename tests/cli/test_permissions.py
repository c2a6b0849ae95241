"""The permissions that --show-permissions prints."""

import re
from typing import Any

import pytest

from harness import Podid, table
from podid.cli.permissions import RUNNING_PODS, declared
from podid.cli.tree import COMMANDS


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_show_permissions_needs_no_arguments_and_no_aws(command: Any) -> None:
    if "show_permissions" not in command.load().shared:
        assert not command.load().all_permissions().always
        return
    outcome = Podid()(*command.path, "--show-permissions", "-o", "json")
    assert (outcome.code, outcome.stderr) == (0, "")
    policy = outcome.json["iamPolicy"]
    granted = [
        action
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]
    assert sorted(granted) == sorted(command.load().all_permissions().always.iam)
    permissions = [rule for manifest in outcome.json["kubernetes"]["items"] for rule in manifest["rules"]]
    assert not any("serviceaccounts/token" in rule["resources"] for rule in permissions)
    assert not any("pods" in rule["resources"] and "create" in rule["verbs"] for rule in permissions)
    text = Podid()(*command.path, "--show-permissions").stdout
    assert text.startswith(f"# IAM policy for podid {command.name}\n")


def test_the_permissions_of_operations_and_groups() -> None:
    declaration = declared("Eks.get_cluster ROLE.create", ("RUNNING_PODS", ("--probe", "KubeWriter.create_probe")))
    assert {"eks:DescribeCluster", "iam:CreateRole"} <= set(declaration.always.iam)
    assert declaration.optional[0] == RUNNING_PODS
    assert [(item.reason, bool(item.permissions.kubernetes)) for item in declaration.optional[1:]] == [
        ("--probe", True)
    ]


@table("word", ["Eks.get_clusterr", "Ekss.get_cluster", "ROLE.creates", "UNDOIN", "Eks.", "."])
def test_a_misspelled_operation_is_named(word: str) -> None:
    message = re.escape(f"needs: {word!r} is no operation")
    for needs, optional in ((word, ()), ("Eks.get_cluster", (("--probe", word),)), ("", (word,))):
        with pytest.raises(ValueError, match=message):
            declared(needs, optional)
