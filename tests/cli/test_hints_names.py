"""Hints for roles with names that look like options."""

import json
import shlex
from collections.abc import Iterator

import pytest

from harness import Outcome, Podid
from parsing import parsed
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox

# IAM allows both; the first is also a way to say yes
HOSTILE = ("-yq", "--yes", "-o=json")


def _printed(outcome: Outcome) -> Iterator[tuple[str, ...]]:
    """Every command line of podid's that somebody may paste."""
    for line in (outcome.stdout + outcome.stderr).splitlines():
        label, _, words = line.strip().partition(": ")
        if label in ("Try", "fix") or label.startswith("fix ("):
            yield tuple(shlex.split(words))
        elif line.startswith("  podid "):
            yield tuple(shlex.split(line))


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("role show -- NAME", 0),
        ("role show -- NAMEs", 5),
        ("role delete -- NAME", 6),
        ("role delete -- NAMEs", 5),
        ("role delete --role-name=NAME", 2),
        ("role attach --managed-policy ReadOnlyAccess -- NAME", 6),
        ("role attach --managed-policy ReadOnlyAccess -- NAMEs", 5),
        ("role detach --inline-policy NAMEs -- NAME", 5),
        ("role create --for shop/orders --description x -- NAME", 6),
        ("trust check --role=NAME --for shop/orders", 3),
        ("trust add --role=NAMEs --for shop/orders", 5),
        ("trust remove --role=NAME --for shop/orders", 0),
        ("trust tighten --role=NAMEs", 5),
        ("associate shop/pay --role=NAME --wait none", 6),
        ("associate shop/pay --role=NAMEs --wait none", 5),
        ("associate shop/pay --role=NAME --update-trust --wait none", 0),
        ("associate shop/orders --role=storefront --wait none", 6),
        ("show shop/orders", 9),  # the pods of the cluster are not checked
        ("move shop/orders shop/pay --wait none", 6),
        ("doctor --check trust-wrong-principal", 3),
        ("doctor --check role-no-permissions --fail-on warn", 3),
        ("disassociate shop/orders --delete-role --wait none", 6),
        ("undo NAME", 2),
        ("history NAMENAMENAME", 2),
    ],
)
def test_lines_for_roles_with_hostile_names(box: Sandbox, podid: Podid, name: str, line: str, code: int) -> None:
    role = name.replace("=", "+") if "=" in name and "--role" in line else name
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    box.iam.make_role("111122223333", role, json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    box.iam.role_made("111122223333", role)
    add_association(box.world, "shop", "orders", role)
    outcome = podid(*(word.replace("NAME", role) for word in line.split()))
    printed = list(_printed(outcome))
    for words in printed:
        if words[0] == "podid":
            command, values = parsed(words)
            assert not {"yes", "quiet"} & values.keys(), (words, outcome)
            assert values.get("output") in (None, "table"), (command, words)
    assert outcome.code == code, outcome
