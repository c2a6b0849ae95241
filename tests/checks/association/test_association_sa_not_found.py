from dataclasses import replace
from typing import Any

import pytest

from checks.builder import ADDON_ARN, DENIED, ROLE_ARN, ago, association, healthy, pod, service_account, workload
from checks.grid import answers, only, verdicts
from harness import table
from podid.domain.findings import Severity
from podid.domain.snapshot import Snapshot

ID = "association-sa-not-found"
FAILS = healthy(service_accounts=())
UNKNOWN = healthy(service_accounts=DENIED)
FINDINGS = [("fail", "error", "Association shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
SUBJECT = "Association shop/odrers"
TYPO = association(name="odrers")


@table(
    ("snapshot", "expected"),
    [
        pytest.param(
            healthy(associations=(TYPO,), service_accounts=(service_account("odrers"),)),
            ("pass", "error", SUBJECT),
            id="exists",
        ),
        pytest.param(
            healthy(associations=(TYPO,), service_accounts=(service_account("orders"),)),
            ("fail", "error", SUBJECT),
            id="typo",
        ),
        pytest.param(
            healthy(associations=(TYPO,), service_accounts=(service_account("default"),)),
            ("fail", "warn", SUBJECT),
            id="alone",
        ),
        pytest.param(
            healthy(
                associations=(replace(TYPO, created_at=ago(minutes=10)),),
                service_accounts=(service_account("default"),),
            ),
            ("fail", "info", SUBJECT),
            id="provisioned a moment ago",
        ),
        pytest.param(
            healthy(associations=(replace(TYPO, owner_arn=ADDON_ARN),), service_accounts=(service_account("orders"),)),
            ("not-applicable", "error", SUBJECT),
            id="an add-on makes it",
        ),
        pytest.param(
            healthy(
                pods=(replace(pod(), namespace="prod", service_account="odrers"),),
                associations=(TYPO,),
                service_accounts=(replace(service_account("odrers"), namespace="prod"),),
            ),
            ("fail", "error", SUBJECT),
            id="the same name in another namespace",
        ),
        pytest.param(
            healthy(
                associations=(TYPO,), service_accounts=(service_account("orders"),), namespaces=frozenset({"default"})
            ),
            ("not-applicable", "error", SUBJECT),
            id="no namespace",
        ),
        pytest.param(healthy(service_accounts=DENIED), ("unknown", "error", "Cluster prod"), id="unreadable"),
        pytest.param(healthy(namespaces=DENIED), ("unknown", "error", "Cluster prod"), id="namespaces unreadable"),
    ],
)
def test_service_accounts_of_associations(snapshot: Snapshot, expected: tuple[str, str, str]) -> None:
    assert answers(ID, snapshot) == [expected]


@table(
    ("needed_by", "expected"),
    [
        pytest.param({"pods": (pod(),)}, ("fail", "error"), id="pods from before it was deleted"),
        pytest.param({"workloads": (workload(ready=0),)}, ("fail", "error"), id="a workload that gets no pods"),
        pytest.param(
            {"pods": (pod(),), "associations": (association(owner_arn=ADDON_ARN),)}, ("fail", "error"), id="an add-on's"
        ),
        pytest.param({"pods": (pod(phase="Succeeded"),)}, ("fail", "warn"), id="a finished pod"),
        pytest.param({"workloads": (workload(replicas=0, ready=0),)}, ("fail", "warn"), id="scaled to nothing"),
        pytest.param({"pods": DENIED, "workloads": DENIED}, ("fail", "warn"), id="pods cannot be listed"),
    ],
)
def test_a_missing_service_account_that_pods_need(needed_by: dict[str, Any], expected: tuple[str, str]) -> None:
    verdict = only(ID, healthy(**{"service_accounts": (), "pods": (), "workloads": (), **needed_by}))
    assert (verdict.outcome.value, verdict.severity.value) == expected
    if verdict.severity is Severity.ERROR:
        assert verdict.message == "service account shop/orders does not exist, but Deployment orders needs it"
        assert verdict.fix is not None
        assert verdict.fix.commands == (("kubectl", "-n", "shop", "create", "serviceaccount", "orders"),)


def test_a_typo_is_reported_with_the_similar_name() -> None:
    verdict = only(ID, healthy(associations=(TYPO,), service_accounts=(service_account("orders"),)))
    assert verdict.message == (
        "service account shop/odrers of association a-odrers does not exist; did you mean shop/orders?"
    )
    assert verdict.fix is not None
    assert verdict.fix.commands == (
        ("podid", "associate", "shop/orders", "--role", ROLE_ARN, "--cluster", "prod"),
        ("podid", "disassociate", "shop/odrers", "--cluster", "prod"),
    )


def test_a_sibling_with_its_own_association_is_no_typo() -> None:
    snapshot = healthy(
        associations=(association(name="worker-1"), association(name="worker-2")),
        service_accounts=(service_account("worker-1"),),
    )
    assert answers(ID, snapshot) == [
        ("pass", "error", "Association shop/worker-1"),
        ("fail", "warn", "Association shop/worker-2"),
    ]


def test_the_service_account_of_a_typo_is_not_created() -> None:
    """payments/apii while payments/api has its association: to create apii would make the slip permanent."""
    pair = (association(name="api"), association(name="apii"))
    snapshot = healthy(
        associations=pair,
        service_accounts=(
            service_account("api"),
            service_account("unrelated"),
        ),
    )
    (verdict,) = (v for v in verdicts(ID, snapshot) if v.outcome.value == "fail")
    assert verdict.evidence[0] == "service accounts with a similar name and an association: api"
    assert verdict.fix is not None
    assert verdict.fix.commands == (("podid", "disassociate", "shop/apii", "--cluster", "prod"),)


def test_a_name_that_kubernetes_refuses_is_not_created() -> None:
    """EKS accepts any name; the commands name only service accounts that can exist."""
    alone = only(ID, healthy(associations=(association(name="WEB"),), service_accounts=(service_account("default"),)))
    typo = only(ID, healthy(associations=(association(name="WEB"),), service_accounts=(service_account("web"),)))
    assert alone.fix is not None
    assert typo.fix is not None
    assert [command[:3] for command in alone.fix.commands] == [("aws", "eks", "delete-pod-identity-association")]
    assert [command[:3] for command in typo.fix.commands] == [
        ("podid", "associate", "shop/web"),
        ("aws", "eks", "delete-pod-identity-association"),
    ]
    assert all("'WEB' is not a service account name" in verdict.evidence[-1] for verdict in (alone, typo))


def test_the_fix_for_an_association_of_the_wrong_namespace() -> None:
    elsewhere = replace(service_account("orders"), namespace="prod")
    verdict = only(ID, healthy(pods=(replace(pod(), namespace="prod"),), workloads=(), service_accounts=(elsewhere,)))
    assert verdict.message.endswith("does not exist; did you mean prod/orders?")
    assert verdict.evidence[0] == "service accounts with a similar name and no association: prod/orders"
    assert verdict.fix is not None
    assert [words[:3] for words in verdict.fix.commands] == [
        ("podid", "associate", "prod/orders"),
        ("podid", "disassociate", "shop/orders"),
    ]
