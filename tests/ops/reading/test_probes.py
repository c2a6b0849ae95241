"""The probe section of a snapshot, with the planned probes or one for each service account, and the meaning of their
output."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.builder import association, pod
from harness import table
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
from podid.ops.reading.probes import PROBE_IMAGE, Probe, Probing, judge, judge_metadata, plan_probes
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


ROLE = "arn:aws:iam::111122223333:role/apps/orders"
ASSOCIATION = association(cluster_name="demo", role_arn=ROLE)
BLANK = Probed(job="shop/podid-probe-1", node="n")
GOT, STOPPED, UNKNOWN = "got", "stopped", "unknown"
METADATA = "Error when retrieving credentials from container-role: Error retrieving metadata: "
REFUSED = f"{METADATA}Received non 200 response 400 from container metadata: [x]: "
TIMEOUT = (
    f"{METADATA}Received error when attempting to retrieve container metadata: Connect timeout on endpoint URL: "
    '"http://[fd00:ec2::23]/v1/credentials"'
)


def who(role: str) -> str:
    arn = f"arn:aws:sts::111122223333:assumed-role/{role}/eks-demo-x"
    return json.dumps({"UserId": "AROA:eks-demo-x", "Account": "111122223333", "Arn": arn}, indent=4)


@table(
    ("text", "code", "expected"),
    [
        (who("orders"), 0, (GOT, "", 0)),
        (who("node-role"), 0, (STOPPED, "", 1)),
        ("", 0, (UNKNOWN, "", 0)),
        ("[]", 0, (UNKNOWN, "", 0)),
        (json.dumps({"Arn": 7}), 0, (UNKNOWN, "", 0)),
        (json.dumps({"Arn": "no arn"}), 0, (UNKNOWN, "", 0)),
        ("[" * 100_000, 0, (UNKNOWN, "", 0)),
        (TIMEOUT, 255, (STOPPED, "", 5)),
        (
            f"{REFUSED}(ResourceNotFoundException): No association found",
            255,
            (STOPPED, "association-missing", 1),
        ),
        # the agent runs with another --cluster-name
        (
            f"{REFUSED}(ResourceNotFoundException): No cluster found for name: demo., fault: client",
            255,
            (STOPPED, "self-managed-cluster-name-wrong", 6),
        ),
        (
            f"{REFUSED}(AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the "
            "associated role., fault: client",
            255,
            (STOPPED, "", 9),
        ),
        (f"{REFUSED}something that nobody has seen", 255, (STOPPED, "", 8)),
        ('Connect timeout on endpoint URL: "https://sts.us-west-2.amazonaws.com/"', 255, (UNKNOWN, "", 0)),
        (
            'Unable to locate credentials. You can configure credentials by running "aws configure".',
            253,
            (UNKNOWN, "", 0),
        ),
        ("exec: aws: not found", 127, (UNKNOWN, "", 0)),
        ("", 137, (UNKNOWN, "", 0)),
    ],
)
def test_each_answer(text: str, code: int, expected: tuple[str, str, int]) -> None:
    met = judge(ASSOCIATION, text, code, BLANK)
    state = UNKNOWN if met.missing is not None else STOPPED if met.link else GOT
    assert (state, met.id, met.link) == expected
    reason = met.missing.reason if met.missing is not None else met.message
    assert bool(reason) is (state != GOT)
    assert len(reason) < 700
    assert (met.job, met.node) == (BLANK.job, BLANK.node)


def test_the_denying_policy_at_the_end_of_the_answer() -> None:
    node = f"arn:aws:sts::111122223333:assumed-role/eksctl-production-nodegroup-ng-{'x' * 30}/i-0123456789abcdef0"
    met = judge(
        ASSOCIATION,
        f"{REFUSED}(AccessDeniedException): User: {node} is not authorized to perform: "
        "eks-auth:AssumeRoleForPodIdentity on resource: arn:aws:eks:us-west-2:111122223333:cluster/production with an "
        "explicit deny in a service control policy, fault: client",
        255,
        BLANK,
    )
    assert met.id == "scp-denies-eks-auth"


def test_the_identity_of_the_credentials() -> None:
    met = judge(ASSOCIATION, who("orders"), 0, BLANK)
    assert met.redeemed is not None
    assert (met.redeemed.role_arn, met.redeemed.session_name) == (ROLE, "eks-demo-x")
    other = judge(ASSOCIATION, who("node-role"), 0, BLANK)
    assert other.redeemed is not None
    assert other.redeemed.role_arn == "arn:aws:iam::111122223333:role/node-role"


OF_NODE = Probed(job="default/podid-probe-1", node="node-1")
NODE = "arn:aws:sts::111122223333:assumed-role/nodes/i-0123456789abcdef0"


def of(arn: str) -> str:
    return json.dumps({"UserId": "x", "Account": "111122223333", "Arn": arn})


@pytest.mark.parametrize(
    ("text", "code", "role"),
    [
        (of(NODE), 0, "arn:aws:iam::111122223333:role/nodes"),
        # credentials that cannot be used are credentials
        ('Connect timeout on endpoint URL: "https://sts.us-west-2.amazonaws.com/"', 255, ""),
    ],
)
def test_the_pod_got_credentials(text: str, code: int, role: str) -> None:
    answer = judge_metadata(text, code, OF_NODE)
    assert answer.redeemed is not None
    assert (answer.redeemed.role_arn, answer.missing, answer.message) == (role, None, "")


def test_the_pod_got_none() -> None:
    answer = judge_metadata("\nUnable to locate credentials. You can configure credentials.\n", 253, OF_NODE)
    assert (answer.redeemed, answer.missing) == (None, None)
    assert "returned no credentials" in answer.message


@table(
    ("text", "code", "reason"),
    [
        (of("arn:aws:sts::111122223333:assumed-role/orders/eks-demo-x"), 0, "credentials of its own"),
        (of("arn:aws:iam::111122223333:user/ci"), 0, "credentials of its own"),
        ("{", 0, "not an identity"),
        (of("x"), 0, "not an identity"),
        ("exec: aws: not found", 127, "no working AWS CLI"),
        ("out of memory", 137, "exited with code 137: out of memory"),
    ],
)
def test_other_answers_are_unknown(text: str, code: int, reason: str) -> None:
    answer = judge_metadata(text, code, OF_NODE)
    assert answer.missing is not None
    assert (answer.redeemed, reason in answer.missing.reason) == (None, True)
