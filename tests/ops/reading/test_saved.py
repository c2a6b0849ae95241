"""A saved snapshot: read back unchanged, or refused with the place of the mistake."""

import copy
import json
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from checks.builder import UNREAD, association, bare, chained, healthy, pod
from harness import table
from podid.domain.aws import Association, UnreadAssociation
from podid.domain.errors import InvalidInput, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import NOT_READ, Known, Missing, Snapshot, known
from podid.ops.reading.saved import FORMAT, of_scope, read_snapshot, snapshot_text
from podid.ops.reading.scope import EVERYTHING, DoctorScope

SHOP, ORDERS = DoctorScope("shop"), DoctorScope("shop", "ServiceAccount", "orders")
SNAPSHOTS = {
    "healthy": healthy(),
    "chained": chained(),
    "missing": healthy(roles=Missing("no", "iam:GetRole", "AccessDenied"), pods=NOT_READ),
    "keyed by pairs": healthy(
        config_map_keys={("shop", "a"): Known({"x": ""}), ("shop", "b"): Known(None)}, target_permissions={}
    ),
    "unread": healthy(associations=(association(), UNREAD)),
    "of a namespace": replace(healthy(), only_namespaces=("shop",)),
}


def as_mapping(snapshot: Snapshot) -> dict[str, Any]:
    return {f.name: getattr(snapshot, f.name) for f in fields(snapshot)}


@table("snapshot", SNAPSHOTS.values())
def test_a_snapshot_is_read_back_as_it_was(snapshot: Snapshot) -> None:
    assert as_mapping(read_snapshot(snapshot_text(snapshot, "1.0"), "f")) == as_mapping(snapshot)


def body() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(snapshot_text(SNAPSHOTS["chained"], "1.0"))
    return document


def refusal(changed: object) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_snapshot(changed if isinstance(changed, str) else json.dumps(changed), "f")
    return caught.value.message


@table(
    "text", ["", "{", "[]", "{}", '{"kind": "DoctorReport"}', "[" * 100_000, '{"kind": "Snapshot", "formatVersion": 1}']
)
def test_a_text_that_is_not_a_snapshot_is_refused(text: str) -> None:
    assert "snapshot" in refusal(text)


@pytest.mark.parametrize("version", [0, FORMAT + 1, "1", True, None])
def test_another_format_is_refused_with_the_version_of_podid(version: object) -> None:
    assert "a format that this podid does not support" in refusal(
        body() | {"formatVersion": version, "podidVersion": "9.9"}
    )
    assert "podid 9.9 saved it" in refusal(body() | {"formatVersion": version, "podidVersion": "9.9"})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*path, key)
        # what a policy says is anybody's
        if key != "trust" and not (path[:1] == ("permission_policies",) and len(path) == 5):
            yield from places(member, (*path, key))


def changed(whole: Any, path: tuple[Any, ...], value: object) -> Any:
    copied = copy.deepcopy(whole)
    inside = copied
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    return copied


def test_every_value_of_another_type_is_named() -> None:
    whole = body()
    tried = list(places(whole["snapshot"]))
    assert len(tried) > 100
    for path in tried:
        assert "an incomplete snapshot: snapshot." in refusal(changed(whole, ("snapshot", *path), 1.5)), path


def test_unknown_and_missing_members_are_named() -> None:
    whole = body()
    assert "snapshot.surprise" in refusal(changed(whole, ("snapshot", "surprise"), "x"))
    first = whole["snapshot"]["pods"]["known"][0]
    assert "snapshot.pods[0].surprise" in refusal(changed(whole, ("snapshot", "pods", "known", 0, "surprise"), "x"))
    del first["name"]
    assert "snapshot.pods[0].name is missing" in refusal(whole)


def test_a_section_is_known_or_missing() -> None:
    sections: list[dict[str, object]] = [{}, {"known": [], "missing": {"reason": "x"}}, {"unknown": []}]
    for wrong in sections:
        assert "neither known nor missing" in refusal(changed(body(), ("snapshot", "pods"), wrong))


def test_a_snapshot_of_a_narrower_scope() -> None:
    whole = healthy(pods=(pod("a"), bare(pod("b"), namespace="other")))
    narrow = of_scope(whole, SHOP, "f")
    assert narrow.only_namespaces == ("shop",)
    assert isinstance(narrow.pods, Known)
    assert {item.namespace for item in narrow.pods.value} == {"shop"}
    assert of_scope(whole, EVERYTHING, "f") is whole
    for other, said in ((EVERYTHING, "all namespaces"), (DoctorScope("legacy"), "namespace legacy")):
        with pytest.raises(UsageError, match=f"contains only namespace shop, not {said}"):
            of_scope(narrow, other, "f")
    lost = replace(whole, pods=Missing("no"))
    assert of_scope(lost, SHOP, "f").pods == Missing("no")


def test_only_associations_of_named_service_accounts_are_described() -> None:
    whole = healthy(associations=(association(), association("shop", "cart"), association("pay", "billing")))
    narrow = of_scope(whole, ORDERS, "f")
    assert [(str(item.ref), type(item)) for item in known(narrow.associations)] == [
        ("shop/orders", Association),
        ("shop/cart", UnreadAssociation),
    ]
    assert as_mapping(of_scope(narrow, ORDERS, "f")) == as_mapping(narrow)
    cart = ServiceAccountRef("shop", "cart")
    for other in (SHOP, DoctorScope.of((cart,)), DoctorScope.of((cart, ServiceAccountRef("shop", "orders")))):
        with pytest.raises(UsageError, match="does not contain shop/cart"):
            of_scope(narrow, other, "f")
