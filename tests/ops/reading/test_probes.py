"""The probe section of a snapshot: the planned probes, or one probe for each service account with an association."""

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
    request = ReadRequest(checks=select(("role-not-found",)), scope=scope, cost=READS | Cost.PROBE)
    return collect(shop.clients, shop.place, request, now=clock.datetime(), journal=journal, probing=how, **more)


def test_a_probe_for_each_node_of_the_live_pods() -> None:
    pods = (pod("a", node="n2"), pod("b", node="n1"), pod("c", node="n1"), pod("d", node="n3", phase="Failed"))
    here: Section[tuple[Pod, ...]] = Known((*pods, pod("e", node="n0", windows=True)))
    planned = plan_probes(here, (ORDERS, BILLING))
    assert [(probe.ref, probe.node) for probe in planned] == [(ORDERS, "n1"), (ORDERS, "n2"), (BILLING, "")]
    assert {probe.image for probe in planned} == {PROBE_IMAGE}
    assert len({probe.name for probe in planned}) == 3
    assert [probe.node for probe in plan_probes(here, (ORDERS,), most=1)] == ["n1"]
    assert [probe.node for probe in plan_probes(here, (ORDERS,), nodes=("n7", "n8"), most=1)] == ["n7", "n8"]
    assert [probe.node for probe in plan_probes(Missing("not allowed"), (ORDERS,))] == [""]


def test_a_probe_for_each_service_account(shop: Shop, journal: Journal) -> None:
    baseline.add_association(shop.box.world, "payments", "billing-worker", "apps/billing-worker")
    shop.later(300)
    sections = probed(shop, journal)
    assert list(sections) == ["payments/billing-worker", "shop/orders"]
    for section in sections.values():
        (outcome,) = known(section)
        assert isinstance(outcome, Probed)
        assert (outcome.link, outcome.missing, outcome.left) == (0, None, "")
        assert outcome.at is not None
    assert list(probed(shop, journal, scope=DoctorScope.of((BILLING,)))) == ["payments/billing-worker"]
    (later, first) = journal.runs()
    assert [len(run.steps) for run in (first, later)] == [2, 1]


def test_only_planned_probes_run(shop: Shop, journal: Journal) -> None:
    base = shop.read()
    planned = plan_probes(base.pods, (ORDERS,))
    assert len(planned) > 1
    with shop.counted() as calls:
        sections = probed(shop, journal, *planned, base=base)
    assert [outcome.node for outcome in known(sections["shop/orders"])] == [probe.node for probe in planned]
    # nothing else is read again
    assert {name for name in calls if "podid-probe" not in name and "/jobs" not in name} == set()


def test_probes_run_once(shop: Shop, journal: Journal) -> None:
    first = read(shop, journal)
    again = read(shop, journal, base=first)
    assert again.probes is first.probes
    assert len(journal.runs()) == 1
    read(shop, journal, base=first, again=("probes",))
    assert len(journal.runs()) == 2


def test_without_a_way_to_run_probes_the_section_is_not_read(shop: Shop) -> None:
    request = ReadRequest(checks=select(("role-not-found",)), cost=READS | Cost.PROBE)
    snapshot = collect(shop.clients, shop.place, request, now=shop.box.world.clock.datetime(), journal=None)
    assert snapshot.probes == NOT_READ


def test_a_service_account_that_does_not_exist_has_no_probe(
    shop: Shop, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KubeWriter, "create_probe", None)
    with pytest.raises(NotFound, match="Service account shop/nobody does not exist"):
        read(shop, journal, scope=DoctorScope("shop", "ServiceAccount", "nobody"))
    assert journal.runs() == ()


def test_an_association_that_could_not_be_described_has_no_probe(shop: Shop, journal: Journal) -> None:
    base = shop.read()
    (orders,) = known(base.associations)
    unasked = UnreadAssociation.unasked(orders)
    denied = replace(unasked, reason="no", permission="eks:DescribePodIdentityAssociation", error_code="AccessDenied")
    listed = (replace(denied, service_account="cart"), orders, replace(unasked, service_account="till"))
    sections = probed(shop, journal, base=replace(base, associations=Known(listed)))
    assert sorted(sections) == ["shop/cart", "shop/orders"]
    assert sections["shop/cart"] == Missing("no", "eks:DescribePodIdentityAssociation", "AccessDenied")
