"""Pods of podid's own in a snapshot: after all else, of those that were planned or one for each service account."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.builder import pod
from ops.shop import Shop
from podid.calls.patience import Clock, Patience
from podid.domain.aws import UnreadAssociation
from podid.domain.cluster import Pod
from podid.domain.errors import NotFound
from podid.domain.evidence import Probed
from podid.domain.names import ServiceAccountRef
from podid.domain.section import READS, Cost
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, Snapshot, known
from podid.kube.writer import KubeWriter
from podid.ops.change.journal import Journal
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.reading.probes import PROBE_IMAGE, Probe, Probing, plan_probes
from podid.ops.reading.scope import EVERYTHING, DoctorScope
from podid.ops.status.diagnose import select
from podid.sandbox import baseline
from worlds import ORDERS

BILLING = ServiceAccountRef("payments", "billing-worker")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def probed(
    shop: Shop, journal: Journal, *planned: Probe, scope: DoctorScope = EVERYTHING, **more: Any
) -> Mapping[str, Any]:
    return known(read(shop, journal, *planned, scope=scope, **more).probes)


def read(shop: Shop, journal: Journal, *planned: Probe, scope: DoctorScope = EVERYTHING, **more: Any) -> Snapshot:
    clock = shop.box.world.clock

    def sleep(seconds: float) -> None:
        for _ in range(int(seconds) + 1):
            clock.advance(1.0)
            shop.half.kube.poke()

    patience = Patience(60, Clock(clock.datetime, clock.now, sleep), lambda text: None)
    how = Probing(patience=patience, journal=journal, command=("verify",), planned=planned)
    wanted = ReadRequest(checks=select(("role-not-found",)), scope=scope, cost=READS | Cost.PROBE)
    return collect(shop.clients, shop.place, wanted, now=clock.datetime(), probing=how, **more)


def test_one_is_planned_for_each_node_of_its_live_pods() -> None:
    pods = (pod("a", node="n2"), pod("b", node="n1"), pod("c", node="n1"), pod("d", node="n3", phase="Failed"))
    here: Section[tuple[Pod, ...]] = Known(pods)
    planned = plan_probes(here, (ORDERS, BILLING))
    assert [(each.ref, each.node) for each in planned] == [(ORDERS, "n1"), (ORDERS, "n2"), (BILLING, "")]
    assert {each.image for each in planned} == {PROBE_IMAGE}
    assert len({each.name for each in planned}) == 3
    assert [each.node for each in plan_probes(here, (ORDERS,), most=1)] == ["n1"]
    assert [each.node for each in plan_probes(here, (ORDERS,), nodes=("n7", "n8"), most=1)] == ["n7", "n8"]
    assert [each.node for each in plan_probes(Missing("not allowed"), (ORDERS,))] == [""]


def test_one_for_each_service_account(shop: Shop, journal: Journal) -> None:
    baseline.add_association(shop.box.world, "payments", "billing-worker", "apps/billing-worker")
    shop.later(300)
    found = probed(shop, journal)
    assert list(found) == ["payments/billing-worker", "shop/orders"]
    for section in found.values():
        ((met,),) = (known(section),)
        assert isinstance(met, Probed)
        assert (met.link, met.missing, met.left, met.at is not None) == (0, None, "", True)
    assert list(probed(shop, journal, scope=DoctorScope.of((BILLING,)))) == ["payments/billing-worker"]
    (later, first) = journal.runs()
    assert [len(run.steps) for run in (first, later)] == [2, 1]


def test_those_that_are_planned_and_no_others(shop: Shop, journal: Journal) -> None:
    base = shop.read()
    planned = plan_probes(base.pods, (ORDERS,))
    assert len(planned) > 1
    with shop.counted() as calls:
        found = probed(shop, journal, *planned, base=base)
    assert [met.node for met in known(found["shop/orders"])] == [each.node for each in planned]
    # nothing else is read again
    assert {name for name in calls if "podid-probe" not in name and "/jobs" not in name} == set()


def test_one_run_is_enough(shop: Shop, journal: Journal) -> None:
    first = read(shop, journal)
    again = read(shop, journal, base=first)
    assert again.probes is first.probes
    assert len(journal.runs()) == 1
    read(shop, journal, base=first, again=("probes",))
    assert len(journal.runs()) == 2


def test_without_a_way_to_run_them_there_is_none(shop: Shop) -> None:
    wanted = ReadRequest(checks=select(("role-not-found",)), cost=READS | Cost.PROBE)
    snapshot = collect(shop.clients, shop.place, wanted, now=shop.box.world.clock.datetime())
    assert snapshot.probes == NOT_READ


def test_what_does_not_exist_is_said_before_any_is_run(
    shop: Shop, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KubeWriter, "create_probe", None)
    with pytest.raises(NotFound, match="Service account shop/nobody does not exist"):
        read(shop, journal, scope=DoctorScope("shop", "ServiceAccount", "nobody"))
    assert journal.runs() == ()


def test_an_association_that_could_not_be_described_has_none(shop: Shop, journal: Journal) -> None:
    base = shop.read()
    (orders,) = known(base.associations)
    unasked = UnreadAssociation.unasked(orders)
    denied = replace(unasked, reason="no", permission="eks:DescribePodIdentityAssociation", error_code="AccessDenied")
    listed = (replace(denied, service_account="cart"), orders, replace(unasked, service_account="till"))
    found = probed(shop, journal, base=replace(base, associations=Known(listed)))
    assert sorted(found) == ["shop/cart", "shop/orders"]
    assert found["shop/cart"] == Missing("no", "eks:DescribePodIdentityAssociation", "AccessDenied")
