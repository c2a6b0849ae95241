"""The blockers and warnings of each item: a service account with one cause has just that one."""

from collections.abc import Mapping

import pytest

from cluster_api import Json
from irsa import ISSUER, REPORTS, Irsa, irsa_statement
from ops.migrate.causes import BLOCKERS, ROLES, WARNINGS, Cause, add, fargate_pod
from podid.ops.migrate.judge import BLOCKING
from podid.pages.index import ENTRIES
from worlds import Site


@pytest.fixture(scope="module")
def refs(_kept: Site) -> Mapping[Cause, str]:
    """Return a service account for each cause, in one cluster."""
    irsa = Irsa(_kept)
    add(irsa, "shop/healthy")
    irsa.account("shop/with-role-of-addon", f"{ROLES}ebs-csi")
    add(irsa, "shop/full", *(irsa_statement(ref) for ref in ("shop/full", *(f"shop/{'x' * 60}{n}" for n in range(3)))))
    return {cause: cause(irsa, f"shop/{cause.__name__.replace('_', '-')}") for cause in (*WARNINGS, *BLOCKERS)}


@pytest.fixture(scope="module")
def items(refs: Mapping[Cause, str], _kept: Site) -> Mapping[str, Json]:
    return Irsa(_kept).items()


def _id(cause: Cause) -> str:
    """Return the id of the page that begins the function's name; the rest of the name tells two causes apart."""
    name = cause.__name__.replace("_", "-")
    return max((entry.id for entry in ENTRIES if name.startswith(entry.id)), key=len)


def _ids(item: Json) -> tuple[list[str], list[str]]:
    return [entry["id"] for entry in item["blockers"]], [entry["id"] for entry in item["warnings"]]


def test_each_warning_that_blocks_has_a_cause() -> None:
    assert set(map(_id, BLOCKERS)) >= BLOCKING


def test_a_blocker_alone(items: Mapping[str, Json], refs: Mapping[Cause, str]) -> None:
    assert {cause: _ids(items[refs[cause]]) for cause in BLOCKERS} == {cause: ([_id(cause)], []) for cause in BLOCKERS}
    blockers = [blocker for item in items.values() for blocker in item["blockers"]]
    assert all(blocker["message"] and blocker["wayOut"] is not None for blocker in blockers)


def test_a_warning_alone(items: Mapping[str, Json], refs: Mapping[Cause, str]) -> None:
    assert {cause: _ids(items[refs[cause]]) for cause in WARNINGS} == {cause: ([], [_id(cause)]) for cause in WARNINGS}


def test_a_healthy_service_account_has_neither(items: Mapping[str, Json], refs: Mapping[Cause, str]) -> None:
    others = set(items) - {*refs.values(), "shop/full"}
    assert others == {REPORTS, "shop/healthy", "shop/with-role-of-addon"}
    assert {ref: (*_ids(items[ref]), items[ref]["unknown"]) for ref in others} == dict.fromkeys(others, ([], [], []))


def test_kinds_of_nodes(items: Mapping[str, Json], refs: Mapping[Cause, str]) -> None:
    assert items[refs[fargate_pod]]["nodeKinds"] == ["fargate"]
    assert items[REPORTS]["nodeKinds"] == ["managed"]


def test_a_trust_policy_that_cannot_be_read_blocks(shared: Site, refs: Mapping[Cause, str]) -> None:
    shared.box.world.credentials.deny("iam:GetRole")
    (item,) = shared("migrate", "plan", "shop/healthy", "-o", "json").json["items"]
    assert _ids(item) == (["trust-unreadable"], [])
    assert "iam:GetRole" in item["blockers"][0]["message"]


def test_a_full_trust_policy_names_statements_to_merge(items: Mapping[str, Json]) -> None:
    (blocker,) = items["shop/full"]["blockers"]
    assert (blocker["id"], len(blocker["evidence"])) == ("trust-quota", 1)
    assert f"differ only in {ISSUER}:sub: one statement with a list is" in blocker["evidence"][0]
