"""Targets of `podid doctor` as scopes; reads and verdicts for named service accounts."""

import pytest

from ops.shop import Shop
from podid.checks.all import ALL
from podid.checks.runner import run_checks
from podid.domain.aws import Association, UnreadAssociation
from podid.domain.errors import InvalidInput, NotFound, UsageError
from podid.domain.findings import Outcome
from podid.domain.names import ServiceAccountRef
from podid.domain.report import DoctorReport
from podid.domain.snapshot import Snapshot, known
from podid.ops.reading.scope import EVERYTHING, DoctorScope, parse_target
from podid.ops.status.diagnose import diagnose
from podid.sandbox import baseline

ORDERS, CART, BILLING = (
    ServiceAccountRef.parse(text) for text in ("shop/orders", "shop/cart", "payments/billing-worker")
)
BOTH = DoctorScope.of((BILLING, ORDERS))


@pytest.fixture
def crowd(shop: Shop) -> Shop:
    """Associations of others in both namespaces, a hundred of them in shop, and one of a role that is not there."""
    for number in range(100):
        baseline.add_association(shop.box.world, "shop", f"app-{number:03}", "no-such-role")
    baseline.add_association(shop.box.world, "payments", "billing-worker", "apps/billing-worker", age=0)
    baseline.add_association(shop.box.world, "payments", "bilingworker", "apps/billing-worker")
    shop.later(300)
    return shop


# it requires the associations of all namespaces
WHOLE_CLUSTER = "roles-shared-across-associations"


def words_of(report: DoctorReport) -> list[tuple[object, ...]]:
    verdicts = (v for v in report.verdicts if v.check != WHOLE_CLUSTER)
    return [(v.check, v.outcome, v.severity, v.subject, v.message, v.chain) for v in verdicts]


def test_a_scope_of_service_accounts() -> None:
    assert DoctorScope.of([ORDERS]) == parse_target("shop/orders")
    assert (str(BOTH), BOTH.named, BOTH.namespaces) == (
        "payments/billing-worker, shop/orders",
        (BILLING, ORDERS),
        ("payments", "shop"),
    )
    assert (EVERYTHING.named, EVERYTHING.namespaces) == ((), ())
    assert (parse_target("deploy/shop/orders").named, parse_target("", "shop").namespaces) == ((), ("shop",))


def test_only_associations_of_named_service_accounts_are_described(crowd: Shop) -> None:
    with crowd.counted() as calls:
        snapshot = crowd.read(BOTH)
    assert (calls["ListPodIdentityAssociations"], calls["DescribePodIdentityAssociation"]) == (3, 2)
    assert calls["GetRole"] == 2
    listed = known(snapshot.associations)
    assert len(listed) == 103
    assert {item.ref for item in listed if isinstance(item, Association)} == {ORDERS, BILLING}
    assert {item.error_code for item in listed if isinstance(item, UnreadAssociation)} == {"NotRead"}
    assert {pod.namespace for pod in known(snapshot.pods)} == {"payments", "shop"}
    with crowd.counted() as calls:
        crowd.read(DoctorScope.of([CART]))  # which has none, so that the other namespaces are listed too
    assert (calls["ListPodIdentityAssociations"], calls["DescribePodIdentityAssociation"]) == (4, 0)


def test_verdicts_are_those_of_the_whole_cluster(crowd: Shop) -> None:
    whole, narrow = crowd.read(), crowd.read(BOTH)
    assert words_of(diagnose(narrow, scope=BOTH)) == words_of(diagnose(whole, scope=BOTH))
    checks = {v.check for v in diagnose(narrow, scope=BOTH).findings}
    assert checks == {"pod-predates-association"}
    shared = {v.outcome for v in diagnose(narrow, scope=BOTH).verdicts if v.check == WHOLE_CLUSTER}
    assert shared == {Outcome.NOT_APPLICABLE}


def test_no_verdict_of_named_service_accounts_is_unknown(crowd: Shop) -> None:
    narrow = crowd.read(BOTH)
    unknown = [v for v in run_checks(ALL, narrow) if v.outcome is Outcome.UNKNOWN]
    assert unknown  # of the others
    assert {name for v in unknown for name in v.chain} & {str(ORDERS), str(BILLING), "*"} == set()
    assert diagnose(narrow, scope=BOTH).unknowns == ()


def test_a_service_account_that_does_not_exist(crowd: Shop) -> None:
    def refused(snapshot: Snapshot, *refs: ServiceAccountRef) -> NotFound:
        with pytest.raises(NotFound) as caught:
            diagnose(snapshot, scope=DoctorScope.of(refs))
        return caught.value

    whole = crowd.read()
    error = refused(whole, ORDERS, ServiceAccountRef("payments", "billing-workr"))
    assert error.message.startswith(
        "Service account payments/billing-workr does not exist; did you mean billing-worker"
    )
    assert error.hint == refused(whole, ServiceAccountRef("payments", "billing-workr")).hint
    error = refused(whole, ORDERS, ServiceAccountRef("paymentz", "billing-worker"))
    assert error.message.startswith("Namespace paymentz does not exist; did you mean payments")
    assert error.hint == refused(whole, ServiceAccountRef("paymentz", "billing-worker")).hint
    unknown = refused(whole, ServiceAccountRef("zzz", "web"))
    assert unknown.message == "Namespace zzz does not exist or is being deleted"
    assert unknown.hint == ("kubectl", "get", "namespaces")
    assert diagnose(whole, scope=DoctorScope.of([ServiceAccountRef("payments", "bilingworker")])).findings


@pytest.mark.parametrize(
    ("text", "scope", "shown"),
    [
        ("", DoctorScope(), ""),
        ("shop/orders", DoctorScope("shop", "ServiceAccount", "orders"), "shop/orders"),
        ("deploy/shop/orders", DoctorScope("shop", "Deployment", "orders"), "Deployment/shop/orders"),
        ("statefulsets/shop/db", DoctorScope("shop", "StatefulSet", "db"), "StatefulSet/shop/db"),
        ("sa/shop/orders", DoctorScope("shop", "ServiceAccount", "orders"), "shop/orders"),
        ("pod/shop/orders-1", DoctorScope("shop", "Pod", "orders-1"), "Pod/shop/orders-1"),
    ],
)
def test_parse_target(text: str, scope: DoctorScope, shown: str) -> None:
    assert parse_target(text) == scope
    assert str(scope) == shown


def test_parse_target_refuses() -> None:
    with pytest.raises(InvalidInput, match="'node' is not a supported kind"):
        parse_target("node/shop/orders")
    with pytest.raises(InvalidInput):
        parse_target("orders")
    with pytest.raises(UsageError, match="not in namespace 'stage'"):
        parse_target("shop/orders", "stage")
    assert parse_target("", "stage") == DoctorScope("stage")


def test_parse_target_takes_the_form_of_kubectl() -> None:
    assert parse_target("deploy/cart", "shop") == DoctorScope("shop", "Deployment", "cart")
    # as `kubectl get -o name` prints it
    assert parse_target("deployment.apps/cart", "shop") == DoctorScope("shop", "Deployment", "cart")
    assert parse_target("deploy/cart", "deploy") == DoctorScope("deploy", "ServiceAccount", "cart")
