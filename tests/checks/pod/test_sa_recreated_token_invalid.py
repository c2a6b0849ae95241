from datetime import datetime

import pytest

from checks.builder import DENIED, ago, bare, healthy, pod, service_account
from checks.grid import WORKLOAD, answers, verdicts
from podid.domain.cluster import Pod

ID = "sa-recreated-token-invalid"
FAILS = healthy(service_accounts=(service_account(created_at=ago(hours=1)),))
UNKNOWN = healthy(service_accounts=DENIED)
FINDINGS = [("fail", "warn", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@pytest.mark.parametrize(
    ("created", "pods", "expected"),
    [
        (ago(hours=4), (pod(created_at=ago(hours=5)),), ("fail", "warn")),
        (ago(hours=5), (pod(created_at=ago(hours=5)),), ("pass", "error")),
        (None, (pod(),), ("not-applicable", "error")),
        (ago(hours=4), (bare(pod(created_at=ago(hours=5))),), ("not-applicable", "error")),
    ],
)
def test_service_accounts_that_were_created_again(
    created: datetime | None, pods: tuple[Pod, ...], expected: tuple[str, str]
) -> None:
    snapshot = healthy(service_accounts=(service_account(created_at=created),), pods=pods)
    assert answers(ID, snapshot) == [(*expected, WORKLOAD)]


def test_the_reason_for_which_pods_are_not_judged() -> None:
    for accounts, pods, reason in (
        ((), (pod(),), "the service account does not exist"),
        ((service_account(),), (bare(pod()),), "none of its pods has injected credentials"),
        (
            (service_account(created_at=None),),
            (pod(),),
            "the time at which the service account was created is not known",
        ),
    ):
        (verdict,) = verdicts(ID, healthy(service_accounts=accounts, pods=pods))
        assert (verdict.outcome.value, verdict.message or verdict.reason) == ("not-applicable", reason)
