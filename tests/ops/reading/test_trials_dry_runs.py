"""Dry-run pods against a control plane whose replicas learn of an association at different times."""

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from checks.builder import association
from harness import one_in
from podid.domain.aws import Association
from podid.domain.cluster import Pod
from podid.domain.evidence import DryRun
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import NOT_READ, Known, Missing, Section
from podid.domain.workloads import is_injected
from podid.kube.writer import KubeWriter
from podid.ops.clients import KubeAccess
from podid.ops.reading import trials as reading
from podid.ops.reading.readings import Source
from podid.ops.reading.scope import EVERYTHING
from podid.ops.reading.trials import dry_runs
from podid.sandbox.faults import Fault
from podid.sandbox.kube import Timing, kinds
from worlds import ORDERS, KubeWorld, cluster_of, kube_world

NAME = str(ORDERS)
BILLING = ServiceAccountRef("payments", "billing-worker")


class Reading:
    """The section, read again and again, each time from the one before."""

    def __init__(
        self, world: KubeWorld, *refs: ServiceAccountRef, age: float = 0, access: KubeAccess | None = None
    ) -> None:
        self.world, self.access = world, access or world.access()
        created = world.now() - timedelta(seconds=age)
        self.associations = tuple(_association(ref, created) for ref in refs or (ORDERS,))
        self.section: Section[Any] = NOT_READ
        self.pods: Section[tuple[Pod, ...]] = Known(world.reader.list_pods())

    def again(self, ref: ServiceAccountRef = ORDERS) -> Section[DryRun]:
        before = {"associations": Known(self.associations), "pods": self.pods}
        source = Source(
            clients=cast("Any", SimpleNamespace(kube=self.access)),
            cluster=cluster_of(self.world.sandbox, self.world.aws),
            scope=EVERYTHING,
            all_pods=False,
            now=self.world.now(),
            journal=None,
            previous=self.section,
            before=lambda name: before[name],
        )
        self.section = Known(dry_runs(source))
        dry_run: Section[DryRun] = self.section.value[str(ref)]
        return dry_run

    def known(self, ref: ServiceAccountRef = ORDERS) -> DryRun:
        dry_run = self.again(ref)
        assert isinstance(dry_run, Known), dry_run
        return dry_run.value

    def until_decided(self, seconds: float = 300) -> DryRun:
        for _ in range(int(seconds * 2)):
            if (dry_run := self.known()).decided:
                return dry_run
            self.world.sleep(0.5)
        return dry_run


def _association(ref: ServiceAccountRef, created: Any) -> Association:
    return association(ref.namespace, ref.name, created_at=created, modified_at=created)


def _replace_pods(world: KubeWorld) -> None:
    for pod in world.sandbox.all(kinds.PODS, "shop"):
        world.sandbox.delete(kinds.PODS, "shop", pod["metadata"]["name"])
    for _ in range(3):
        world.sleep(20)


def _but_for_dry_runs(real: Callable[[Pod], bool], answers: Iterator[bool]) -> Callable[[Pod], bool]:
    """Running pods have a node; a dry-run pod has none."""
    return lambda pod: real(pod) if pod.node else next(answers)


def test_rounds_add_up_over_eight_seconds(world: KubeWorld) -> None:
    world.aws.associations.add(("shop", "orders"))
    reading, began = Reading(world), world.now()
    assert reading.known() == DryRun(hits=3, rounds=1, needed=5, since=began, last=began)
    # a round too soon after the last one says what that said
    world.sleep(1)
    assert reading.known().hits == 3
    dry_run = reading.until_decided()
    assert dry_run == DryRun(hits=15, rounds=5, needed=5, since=began, last=world.now())
    assert world.now() - began == timedelta(seconds=8)


def test_of_an_old_association_one_round_decides(world: KubeWorld) -> None:
    reading = Reading(world, age=121)
    missed = reading.known()
    assert (missed.decided, missed.failed, missed.misses, missed.needed) == (True, True, 1, 1)
    world.aws.associations.add(("shop", "orders"))
    for _ in range(2):  # the first one that asks has the webhook learn of it
        world.sleep(2)
        dry_run = reading.known()
    assert (dry_run.decided, dry_run.failed, dry_run.rounds) == (True, False, 1)


def test_running_pods_that_carry_the_fields_leave_one_round_to_do(world: KubeWorld) -> None:
    world.aws.associations.add(("shop", "orders"))
    reading = Reading(world, age=60)
    reading.known()  # the first one that asks has the webhook learn of it
    _replace_pods(world)
    confirmed = Reading(world, age=90)
    dry_run = confirmed.known()
    assert (dry_run.decided, dry_run.failed, dry_run.hits) == (True, False, 3)
    # pods from before the change tell nothing of it
    assert not Reading(world).known().decided


def test_a_miss_outweighs_running_pods_that_carry_the_fields(world: KubeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.aws.associations.add(("shop", "orders"))
    Reading(world, age=60).known()
    _replace_pods(world)
    answers = iter([False] + [True] * 30)
    confirmed = Reading(world, age=90)
    monkeypatch.setattr(reading, "is_injected", _but_for_dry_runs(is_injected, answers))
    dry_run = confirmed.known()
    assert (dry_run.decided, dry_run.failed, dry_run.misses, dry_run.needed) == (False, False, 1, 5)
    assert confirmed.until_decided().rounds == 5


def test_that_it_grows_old_meanwhile_decides(world: KubeWorld) -> None:
    reading = Reading(world, age=119)
    assert not reading.known().decided
    world.sleep(2)
    assert reading.known().failed


@pytest.mark.parametrize(("lag", "spread"), one_in(3, itertools.product([1.0, 20.0], [0.0, 3.0, 9.0, 19.0])))
def test_success_is_never_claimed_before_the_slowest_replica_knows(lag: float, spread: float) -> None:
    with kube_world(timing=Timing(webhook_spread=spread)) as world:
        world.at(lag, ORDERS)
        start = world.clock.seconds
        dry_run = Reading(world).until_decided(110)
        assert dry_run.decided
        assert not dry_run.failed
        assert world.clock.seconds - start >= lag + spread


def test_a_relapse_asks_for_two_rounds_more_and_not_for_ever(world: KubeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[bool] = itertools.chain.from_iterable(itertools.repeat([True, True, True, False]))
    monkeypatch.setattr(reading, "is_injected", lambda pod: next(answers))
    looks = Reading(world)
    seen = []
    for _ in range(10):
        seen.append(looks.known())
        world.sleep(2)
    assert [dry_run.needed for dry_run in seen] == [5, 7, 7, 9, 9, 11, 11, 11, 11, 11]
    assert [dry_run.rounds for dry_run in seen] == [1, 0] * 5
    assert (seen[-1].hits, seen[-1].misses) == (15, 5)


def test_nothing_is_created(world: KubeWorld) -> None:
    before = world.reader.list_pods()
    Reading(world).again()
    assert world.reader.list_pods() == before


def test_several_service_accounts_at_once(world: KubeWorld) -> None:
    world.aws.associations.add(("shop", "orders"))
    looks = Reading(world, ORDERS, BILLING)
    assert (looks.known(ORDERS).rounds, looks.known(BILLING).rounds) == (1, 0)


def test_a_confirmed_service_account_gets_no_more_pods_while_another_is_pending(world: KubeWorld) -> None:
    world.aws.associations.add(("shop", "orders"))
    looks = Reading(world, ORDERS, BILLING)
    for _ in range(8):
        looks.again()
        world.sleep(2)
    confirmed, pending = looks.known(ORDERS), looks.known(BILLING)
    assert (confirmed.decided, confirmed.hits, pending.misses) == (True, 15, 9)


def test_a_service_account_that_is_not_there(world: KubeWorld) -> None:
    later = ServiceAccountRef("shop", "later")
    dry_run = Reading(world, later).again(later)
    assert isinstance(dry_run, Missing)
    assert (dry_run.error_code, dry_run.reason) == ("NotFound", "service account shop/later does not exist")


def test_missing_permissions_are_named(world: KubeWorld) -> None:
    read = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    world.sandbox.add_user("viewer-token", "viewer", rules=read)
    dry_run = Reading(world, access=world.access("viewer-token")).again()
    assert isinstance(dry_run, Missing)
    assert (dry_run.error_code, dry_run.permission) == ("AccessDenied", "create pods in namespace shop")


def test_an_admission_refusal_is_quoted(world: KubeWorld) -> None:
    message = 'admission webhook "policy.example" denied the request: image is not allowed'
    world.sandbox.faults.add(Fault("fail", operation="POST *dryRun=All*", status=403, message=message))
    dry_run = Reading(world).again()
    assert isinstance(dry_run, Missing)
    assert message in dry_run.reason


def test_a_cluster_that_is_out_of_reach_loses_no_round(world: KubeWorld) -> None:
    world.aws.associations.add(("shop", "orders"))
    looks = Reading(world)
    before = looks.known()
    world.sleep(3)
    world.sandbox.stop()
    assert looks.known() == before
    fresh = Reading.__new__(Reading)
    fresh.__dict__.update(looks.__dict__ | {"section": NOT_READ})
    assert isinstance(fresh.again(), Missing)


def test_it_passes_restricted_pod_security(world: KubeWorld) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    world.sandbox.patch(kinds.NAMESPACES, "", "shop", lambda n: {**n, "metadata": {**n["metadata"], "labels": labels}})
    world.aws.associations.add(("shop", "orders"))
    assert Reading(world).known().rounds == 1


def test_image_and_labels_are_those_of_its_pods(world: KubeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, Any]] = []
    original = KubeWriter.dry_run_pod

    def spy(writer: KubeWriter, ref: ServiceAccountRef, *, image: str, labels: Any = None) -> Pod:
        seen.append((image, labels))
        return original(writer, ref, image=image, labels=labels)

    monkeypatch.setattr(KubeWriter, "dry_run_pod", spy)
    looks = Reading(world)
    looks.again()
    busybox = "public.ecr.aws/docker/library/busybox:1.37"
    assert [(image, labels["app"]) for image, labels in seen] == [(busybox, "orders")]
    looks.pods, looks.section = Missing("not allowed"), NOT_READ
    looks.again()
    assert seen[1:] == [(reading.FALLBACK_IMAGE, None)]
    images = reading.images_of(world.reader, ("shop", "nowhere"))
    assert images == {"shop": busybox, "nowhere": reading.FALLBACK_IMAGE}
