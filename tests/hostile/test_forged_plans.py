"""Saved plans with one forged member and a valid digest: podid refuses them and writes nothing, or writes only what
`podid apply -f` of the same owner would write without a question."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from harness import one_in
from hostile.mutations import VALUES
from ops.declare.forged_plans import PODS, with_digest
from ops.declare.worlds import LINK, READ, ROLE, Filed
from podid.facts.grants import more_permissions
from worlds import ACCOUNT

OTHER = {"name": "other", "policies": [{"managed": "AmazonS3ReadOnlyAccess"}]}
GONE = {"serviceAccount": "shop/gone", "role": "other"}
FORGED = {
    **{name: VALUES[name] for name in VALUES if name not in ("huge text", "a huge number", "deep", "half a character")},
    "a role of another owner": "storefront",
    "its ARN": f"arn:aws:iam::{ACCOUNT}:role/storefront",
    "any principal": {"AWS": "*"},
    "everybody": "*",
    "an outsider": {"AWS": "arn:aws:iam::999988887777:root"},
    "all actions": "*:*",
    "another verb": "Deny",
    "a policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]},
    "an administrator": "arn:aws:iam::aws:policy/AdministratorAccess",
    "another kind": "oidc-provider",
    "another namespace": "kube-system",
    "tags": {"podid:owner": "somebody"},
}
GROUPS = 400


def prepared(filed: Filed) -> dict[str, Any]:
    """Apply a file, and return the saved plan of its next version: an action of each kind and verb."""
    filed.write(roles=[ROLE, OTHER], associations=[LINK, GONE, {"serviceAccount": "shop/api", "role": "web"}])
    filed.apply()
    filed.site.associate("shop", "cart", "storefront")
    statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
    write = {"name": "write", "document": {"Version": "2012-10-17", "Statement": [statement]}}
    web = {
        **ROLE,
        "description": "new",
        "tags": {"team": "b"},
        "policies": [write, {"managed": "AmazonSQSReadOnlyAccess"}],
    }
    new = {"name": "new", "policies": [{"name": "read", "document": READ}], "maxSessionDuration": 7200}
    filed.write(
        roles=[web, new],
        associations=[
            {**LINK, "tags": {"team": "b"}},
            {"serviceAccount": "shop/api", "role": "new"},
            {"serviceAccount": "shop/job", "role": "web"},
        ],
    )
    path = filed.site.directory / "plan.json"
    assert filed("plan", "--prune", "--save", str(path)).code == 3
    document: dict[str, Any] = json.loads(path.read_text())
    kinds = {action["kind"] for action in document["parts"][0]["actions"]}
    assert kinds >= {"role", "role-policy", "role-attachment", "role-settings", "role-trust", "association"}
    return document


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from places(member, (*path, key))


def changed_at(document: Any, path: tuple[Any, ...], value: object) -> Any:
    """Return the document with the value at the path; MISSING removes the member, and TWICE repeats it."""
    changed = deepcopy(document)
    inner: Any = changed
    *outer, last = path
    for key in outer:
        inner = inner[key]
    if value is MISSING:
        del inner[last]
    elif value is not TWICE:
        inner[last] = value
    elif type(inner) is list:
        inner.append(inner[last])
    else:
        inner[f"{last}2"] = inner[last]
    return changed


MISSING, TWICE = object(), object()


def mutations(document: dict[str, Any], group: int) -> Iterator[tuple[str, dict[str, Any]]]:
    values = {**FORGED, "missing": MISSING, "twice": TWICE}
    number = 0
    for path in places({key: document[key] for key in document if key != "digest"}):
        for name, value in values.items():
            number += 1
            if number % GROUPS == group:
                yield f"{'.'.join(map(str, path))}: {name}", with_digest(changed_at(document, path, value))


class World:
    """What a plan can change, and its restoration."""

    def __init__(self, filed: Filed) -> None:
        self._roles, self._world = filed.site.box.iam.backend(ACCOUNT), filed.site.box.world
        self._cluster = self._world.clusters["demo"]
        parts = (self._roles.roles, self._cluster.associations, self._cluster.by_subject, self._world.tags)
        self._before = deepcopy(parts)

    def restore(self) -> None:
        roles, associations, subjects, tags = deepcopy(self._before)
        self._roles.roles, self._world.tags = roles, tags
        self._cluster.associations, self._cluster.by_subject = associations, subjects


def check_allowed(before: Any, after: Any) -> None:
    """Check that only resources of the file changed, and that no role got what requires an answer."""
    for name, role in before["roles"].items():
        if role["tags"].get("podid:owner") != "shop":
            assert after["roles"].get(name) == role, name
    for name, association in before["associations"].items():
        if association["tags"].get("podid:owner") != "shop":
            assert after["associations"].get(name) == association, name
    for name, role in after["roles"].items():
        if role == before["roles"].get(name):
            continue
        assert more_permissions(role["inline"]) == (), name
        assert "AdministratorAccess" not in str(role["managed"]), name
        for statement in role["trust"]["Statement"]:
            assert statement["Principal"] == {"Service": PODS}, (name, statement)
            assert statement["Condition"], (name, statement)


@pytest.mark.parametrize("group", one_in(GROUPS, range(GROUPS)))
def test_a_forged_member_is_refused_or_harmless(filed: Filed, group: int) -> None:
    document = prepared(filed)
    world, before = World(filed), filed.state()
    path = filed.site.directory / "forged.json"
    codes: list[int] = []
    for name, forged in mutations(document, group):
        path.write_text(json.dumps(forged))
        outcome = filed.site("apply", "--plan", str(path), "--yes", "--wait", "none")
        after = filed.state()
        codes.append(outcome.code)
        assert outcome.code in (0, 2, 3, 5, 6, 8), (name, outcome)
        if outcome.code in (2, 5, 6):
            assert after == before, (name, outcome)
        else:
            check_allowed(before, after)
            world.restore()
            assert filed.state() == before
    assert len(codes) > 8
    assert {2, 6} & set(codes)


def test_the_plan_itself_is_applied(filed: Filed) -> None:
    """A grid of refusals proves nothing about plans that are refused anyway."""
    document = prepared(filed)
    world, before = World(filed), filed.state()
    path = filed.site.directory / "same.json"
    for _ in range(2):
        path.write_text(json.dumps(with_digest(document)))
        filed.site.must("apply", "--plan", str(path), "--wait", "none")
        after = filed.state()
        assert after != before
        check_allowed(before, after)
        world.restore()
