"""Recorded runs with one forged member. `podid undo --yes` refuses them, or opens no way to more permissions and
changes no trust policy of other roles."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import one_in
from hostile.test_forged_plans import FORGED, MISSING, TWICE, World, changed_at, places
from ops.declare.forged_plans import PODS
from ops.declare.worlds import READ, Filed
from podid.facts.grants import more_permissions

GROUPS = 120
RUNS = (
    ("associate", "shop/web", "--role", "made", "--tag", "team=a", "--wait", "none"),
    ("role", "attach", "made", "--managed-policy", "AmazonSQSReadOnlyAccess", "--policy-file", "read.json"),
    ("role", "detach", "made", "--managed-policy", "AmazonS3ReadOnlyAccess", "--yes"),
    ("trust", "add", "--role", "made", "--for", "shop/api"),
    ("disassociate", "shop/web", "--yes", "--wait", "none"),
    ("role", "delete", "made", "--yes"),
)


def recorded(filed: Filed, number: int) -> Path:
    """Make the runs up to this number, and return the file of the last one."""
    site = filed.site
    (site.directory / "read.json").write_text(json.dumps(READ))
    create = ("role", "create", "made", "--for", "shop/web", "--managed-policy", "AmazonS3ReadOnlyAccess")
    for line in (create, *RUNS[: number + 1]):
        words = (str(site.directory / word) if word == "read.json" else word for word in line)
        site.must(*words)
    return max(site.directory.rglob("*.jsonl"))


def mutations(lines: list[Any], group: int) -> Iterator[tuple[str, list[Any]]]:
    values = {**FORGED, "missing": MISSING, "twice": TWICE}
    number = 0
    for path in places(lines):
        for name, value in values.items():
            number += 1
            if len(path) > 1 and number % GROUPS == group:
                yield f"{'.'.join(map(str, path))}: {name}", changed_at(lines, path, value)


def check_allowed(before: Any, after: Any) -> None:
    """Other roles may get or lose harmless policies: SECURITY.md says so."""
    policies = ("inline", "managed")
    for name, role in before["roles"].items():
        if name != "made":
            kept = after["roles"][name]
            assert {key: kept[key] for key in kept if key not in policies} == {
                key: role[key] for key in role if key not in policies
            }, name
    for name, role in after["roles"].items():
        if role != before["roles"].get(name):
            assert more_permissions(role["inline"]) == (), name
            assert "AdministratorAccess" not in str(role["managed"]), name
            if name == "made":
                assert all(item["Principal"] == {"Service": PODS} for item in role["trust"]["Statement"]), role


@pytest.mark.parametrize("group", one_in(GROUPS, range(GROUPS)))
def test_a_forged_member_is_refused_or_harmless(filed: Filed, group: int) -> None:
    file = recorded(filed, group % len(RUNS))
    text = file.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    world, before, codes = World(filed), filed.state(), list[int]()
    known = {path.name for path in file.parent.glob("*.jsonl")}
    for name, forged in mutations(lines, group):
        file.write_text("".join(f"{json.dumps(line)}\n" for line in forged))
        outcome = filed.site("undo", file.stem, "--yes", "--wait", "none")
        codes.append(outcome.code)
        after = filed.state()
        assert outcome.code in (0, 2, 5, 6, 7, 8), (name, outcome)
        check_allowed(before, after)
        world.restore()
        for path in file.parent.glob("*.jsonl"):
            if path.name not in known:
                path.unlink()
    assert len(codes) > 3
