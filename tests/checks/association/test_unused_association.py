from dataclasses import replace
from datetime import datetime
from typing import Any

from checks.builder import DENIED, ROLE_ARN, ago, association, healthy, pod, role, workload
from checks.grid import answers, only
from harness import table
from podid.domain.snapshot import Known, Snapshot

OLD = association(created_at=ago(days=200), modified_at=ago(days=200))


def abandoned(used: datetime | None, **changes: Any) -> Snapshot:
    sections: dict[str, Any] = {"associations": (OLD,), "pods": (), "workloads": ()}
    sections["roles"] = {ROLE_ARN: Known(replace(role(), last_used_at=used))}
    return healthy(**{**sections, **changes})


ID = "unused-association"
FAILS = abandoned(None)
UNKNOWN = abandoned(None, roles={ROLE_ARN: DENIED})
FINDINGS = [("fail", "info", "Association shop/orders")]
UNKNOWNS = [("unknown", "info", "Association shop/orders")]


@table(
    ("snapshot", "expected"),
    [
        (abandoned(None), "fail"),
        (abandoned(ago(days=91)), "fail"),
        (abandoned(ago(days=1)), "not-applicable"),
        (abandoned(None, associations=(association(),)), "not-applicable"),
        (abandoned(None, associations=(replace(OLD, created_at=None),)), "not-applicable"),
        (abandoned(None, associations=(replace(OLD, owner_arn="arn:aws:eks:::addon/x"),)), "not-applicable"),
        (abandoned(None, workloads=(workload(replicas=0),)), "pass"),
        (abandoned(None, pods=(pod(),)), "pass"),
        (abandoned(None, roles=DENIED), "unknown"),
        (abandoned(None, roles={ROLE_ARN: Known(None)}), "fail"),
    ],
)
def test_age_pods_and_use_of_the_role(snapshot: Snapshot, expected: str) -> None:
    assert answers(ID, snapshot) == [(expected, "info", "Association shop/orders")]


def test_a_role_that_does_not_exist_is_not_called_never_used() -> None:
    gone = only(ID, abandoned(None, roles={ROLE_ARN: Known(None)}))
    assert gone.evidence[-1].endswith("not known, because the role does not exist")
