"""The sections of each cost, and the sections that are read again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.shop import Shop
from podid.checks.all import ALL
from podid.domain.permissions import permissions_of
from podid.domain.section import EVIDENCE, FREE, READS, Cost
from podid.domain.snapshot import NOT_READ, SERVICES, Snapshot
from podid.ops.clients import Clients
from podid.ops.reading.collect import ReadRequest
from podid.ops.reading.scope import EVERYTHING, DoctorScope
from podid.ops.reading.sections import SECTIONS, needed, sections_of, within
from podid.ops.status.diagnose import select
from podid.sandbox import baseline
from podid.sandbox.kube import kinds
from worlds import Site

ORDERS = DoctorScope("shop", "ServiceAccount", "orders")
SHOP = DoctorScope("shop")
CALLS = [
    # calls of AWS, of Kubernetes
    (Cost.AWS, EVERYTHING, 18, 0),
    (READS, EVERYTHING, 20, 14),
    (READS, SHOP, 19, 15),
    (READS, ORDERS, 19, 15),
    (READS | Cost.LOGS, ORDERS, 19, 18),
    (READS | Cost.TRAIL, ORDERS, 23, 15),
    (READS | Cost.DRY_RUN, ORDERS, 19, 18),
    (READS | Cost.TOKEN, ORDERS, 21, 16),
]


def sections(snapshot: Snapshot) -> dict[str, Any]:
    return {name: getattr(snapshot, name) for name in SERVICES}


# --- costs ---------------------------------------------------------------------------------------------------------


def test_a_section_of_higher_cost_is_omitted_with_its_dependents() -> None:
    assert {row.name for row in needed(SERVICES, Cost.AWS)} == within(Cost.AWS)
    assert "instances" not in within(Cost.AWS)  # of nodes, which Kubernetes tells
    assert within(Cost.AWS) < within(READS) < within(READS | EVIDENCE) == SERVICES.keys()
    assert within(READS) == {row.name for row in SECTIONS if row.cost in READS}
    assert within(Cost.TOKEN) == within(FREE) == {"changes"}


def test_a_check_without_its_sections_reads_nothing() -> None:
    request = ReadRequest(checks=select(("custom-eks-auth-endpoint", "role-not-found")), cost=Cost.AWS)
    assert "egress" not in request.names
    assert {"roles", "associations"} < request.names


def test_without_kubernetes_no_connection_is_made(shop: Shop) -> None:
    def connect() -> Any:
        raise AssertionError("nothing is read there")

    shop.clients = Clients(shop.clients.aws, connect)
    read_sections = sections(shop.read(cost=Cost.AWS))
    read = {row.name for row in needed(sections_of(ALL), READS | EVIDENCE)} & within(Cost.AWS)
    assert {name for name, section in read_sections.items() if section == NOT_READ} == SERVICES.keys() - read


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("cost", "scope", "aws", "kubernetes"), CALLS, ids=str)
def test_calls_at_each_cost(shop: Shop, cost: Cost, scope: DoctorScope, aws: int, kubernetes: int) -> None:
    with shop.counted() as calls:
        shop.read(scope, cost=cost)
    of_kubernetes = sum(count for name, count in calls.items() if " " in name)
    assert (calls.total() - of_kubernetes, of_kubernetes) == (aws, kubernetes), calls


# --- again ---------------------------------------------------------------------------------------------------------


def _other_role(shop: Shop) -> None:
    (association,) = shop.clients.eks.list_associations("demo", "shop")
    arn = shop.clients.iam.get_role("orders-dynamodb").arn
    shop.clients.eks.update_association("demo", association.association_id, {"roleArn": arn}, token="t")


def _labelled(shop: Shop, kind: kinds.KubeKind, namespace: str, **labels: str | None) -> None:
    def change(obj: dict[str, Any]) -> dict[str, Any]:
        kept = {**obj["metadata"].get("labels", {}), **labels}
        put = {name: value for name, value in kept.items() if value is not None}
        return {**obj, "metadata": {**obj["metadata"], "labels": put}}

    name = shop.half.kube.all(kind, namespace)[0]["metadata"]["name"]
    shop.half.kube.patch(kind, namespace, name, change)


CHANGES: list[tuple[str, Callable[[Shop], object], set[str]]] = [
    # what is read anew, what was changed, the sections that differ then
    (
        "associations",
        _other_role,
        {"associations", "roles", "role_policies", "permission_policies", "assume_permissions"},
    ),
    (
        "associations",
        lambda s: baseline.add_association(s.box.world, "payments", "billing-worker", "storefront"),
        {"associations"},
    ),
    (
        "roles",
        lambda s: s.clients.iam.update_trust("storefront", s.clients.iam.get_role("article-2023").trust),
        {"roles"},
    ),
    ("pods", lambda s: _labelled(s, kinds.PODS, "shop", team="blue"), {"pods"}),
    (
        "nodes",
        lambda s: _labelled(s, kinds.NODES, "", **{"eks.amazonaws.com/nodegroup": None}),
        {"nodes", "other_node_roles"},
    ),
    ("service_accounts", lambda s: None, set()),
]


@pytest.mark.parametrize(("again", "change", "differ"), CHANGES)
def test_sections_that_are_read_again(
    shop: Shop, again: str, change: Callable[[Shop], object], differ: set[str]
) -> None:
    base = shop.read()
    change(shop)
    with shop.counted() as some:
        renewed = sections(shop.read(base=base, again=(again,)))
    with shop.counted() as every:
        assert renewed == sections(shop.read())
    assert {name for name, section in renewed.items() if section != getattr(base, name)} == differ
    assert some.total() < every.total() / 3
    assert some.keys() <= every.keys()


def test_known_sections_are_not_read_again(shop: Shop) -> None:
    base = shop.read(cost=Cost.AWS)
    with shop.counted() as calls:
        more = shop.read(base=base)
    assert sections(more) == sections(shop.read())
    # the roles of nodes are others where it is known which nodes there are, and annotations name roles
    assert {name for name in calls if " " not in name} == {"DescribeInstances", "SimulatePrincipalPolicy", "GetRole"}
    with shop.counted() as none:
        assert sections(shop.read(base=more, cost=Cost.AWS)) == sections(more)
    assert none.total() == 0


def test_evidence_is_read_again_on_request(shop: Shop) -> None:
    base = shop.read(cost=READS | Cost.LOGS)
    _labelled(shop, kinds.PODS, "kube-system", team="blue")
    with shop.counted() as calls:
        shop.read(base=base, cost=READS | Cost.LOGS, again=("pods",))
    assert list(calls) == ["GET /api/v1/pods?limit=500"]
    with shop.counted() as calls:
        shop.read(base=base, cost=READS | Cost.LOGS, again=("agent_logs",))
    assert [name.rpartition("/")[2].partition("?")[0] for name in calls] == ["log"] * 3


# --- commands ------------------------------------------------------------------------------------------------------

LINES = [
    # calls of AWS, of Kubernetes
    ("doctor", 20, 15),
    ("doctor shop/orders", 19, 16),
    ("doctor shop/orders --logs", 19, 19),
    ("doctor shop/orders --cloudtrail", 23, 16),
    ("doctor shop/orders --verify --yes", 21, 17),
    ("doctor --check role-not-found", 4, 1),
    ("agent status", 14, 6),
    ("bundle x.tar.gz --yes", 20, 15),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("line", "aws", "kubernetes"), LINES)
def test_calls_of_commands(
    healthy: Site, line: str, aws: int, kubernetes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    healthy.box.faults.calls.clear()
    healthy.kube.faults.calls.clear()
    healthy.must(*line.split())
    counters = healthy.box.faults.calls, healthy.kube.faults.calls
    assert tuple(calls.total() for calls in counters) == (aws, kubernetes), counters


def test_only_what_the_checks_name_is_read() -> None:
    assert sections_of(select(("role-not-found",))) == {
        *("associations", "roles", "target_roles", "cluster"),
    }
    assert [row.name for row in needed(("agent_pods",))] == ["daemon_sets", "agent_pods"]


def test_the_table_of_sections_is_the_snapshot_and_in_order() -> None:
    """A row waits for those before it only; each operation carries its rights, of the service that its field says."""
    assert sorted(row.name for row in SECTIONS) == sorted(SERVICES)
    manifests: set[str] = set()
    for row in SECTIONS:
        assert {*row.needs, *row.uses} <= manifests, row.name
        manifests.add(row.name)
        asked = permissions_of(row.operations)
        # a token of the one, redeemed at the other; keys in the one, of accounts that the other names
        if row.name in ("tokens", "access_keys", "secret_keys"):
            assert asked.iam
            assert asked.kubernetes
            continue
        if row.name in ("cloudtrail", "assume_permissions", "bounded"):  # derived from other sections
            assert not row.operations
            continue
        assert bool(asked.iam) == (SERVICES[row.name] == "aws"), row.name
        assert bool(asked.kubernetes) == (SERVICES[row.name] == "kubernetes"), row.name
