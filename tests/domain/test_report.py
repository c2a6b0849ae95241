"""Accepted findings: what a gate lets through, and for how long. Missing permissions of unknown verdicts."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from checks.builder import bare, healthy, node, pod
from harness import table
from podid.checks.all import BY_ID
from podid.domain.errors import ExitCode, InvalidInput
from podid.domain.findings import Outcome, Severity, Subject, Verdict
from podid.domain.report import (
    Accepted,
    DoctorReport,
    LinkState,
    accept,
    group_unknowns,
    missing_permissions,
    parse_baseline,
)
from podid.domain.snapshot import SERVICES, Missing
from podid.ops.status.diagnose import diagnose


def judged(check: str, name: str, **more: Any) -> Verdict:
    subject = Subject("Deployment", name, "shop")
    whole: dict[str, Any] = {"outcome": Outcome.FAIL, "chain": (f"shop/{name}",), "link": 4, **more}
    return Verdict(check=check, subject=subject, message="m", **whole)


KEYS, CART_KEYS = judged("static-aws-keys-shadow", "orders"), judged("static-aws-keys-shadow", "cart")
MASKED = judged("trust-wrong-principal", "orders", masked_by="static-aws-keys-shadow", link=9)
UNKNOWN = judged("agent-not-installed", "orders", outcome=Outcome.UNKNOWN)


def report(*verdicts: Verdict) -> DoctorReport:
    return DoctorReport(
        cluster="demo", cluster_arn="", taken_at=datetime(2026, 6, 1, tzinfo=UTC), verdicts=tuple(verdicts)
    )


def test_an_accepted_finding_is_shown_and_does_not_count() -> None:
    entry = Accepted(id="static-aws-keys-shadow", subject="Deployment shop/orders", reason="moves in July")
    reckoning = accept(report(KEYS, CART_KEYS, MASKED), [entry])
    assert reckoning.report.findings == (CART_KEYS,)
    assert [item.accepted for item in reckoning.report.accepted] == [
        "moves in July",
        "follows from static-aws-keys-shadow",
    ]
    assert reckoning.report.exit_code() is ExitCode.ATTENTION
    assert (reckoning.expired, reckoning.idle) == ((), ())
    for verdicts in ((KEYS,), (KEYS, MASKED)):
        cleared = accept(report(*verdicts), [entry]).report
        assert cleared.exit_code() is ExitCode.OK
        assert cleared.chain[4].state is LinkState.NOTE


def test_a_consequence_that_concerns_others_too_counts() -> None:
    wider = replace(MASKED, chain=("shop/orders", "shop/cart"))
    entry = Accepted(id="static-aws-keys-shadow", subject="Deployment shop/orders", reason="moves in July")
    assert accept(report(KEYS, wider), [entry]).report.findings == (wider,)


def test_no_subject_is_every_subject() -> None:
    entry = Accepted(id="static-aws-keys-shadow", reason="all of them")
    assert accept(report(KEYS, CART_KEYS), [entry]).report.findings == ()


@pytest.mark.parametrize(("last", "counts"), [(date(2026, 5, 31), True), (date(2026, 6, 1), False)])
def test_expiry(last: date, counts: bool) -> None:
    entry = Accepted(id="static-aws-keys-shadow", reason="for now", expires=last)
    reckoning = accept(report(KEYS), [entry])
    assert bool(reckoning.report.findings) is counts
    assert (reckoning.expired, reckoning.idle) == (((entry,) if counts else ()), ())


def test_an_entry_without_a_finding_is_reported() -> None:
    entry = Accepted(id="association-missing", reason="gone")
    assert accept(report(KEYS), [entry]).idle == (entry,)
    over = replace(entry, expires=date(2026, 5, 31))
    reckoning = accept(report(KEYS), [over])
    assert (reckoning.expired, reckoning.idle) == ((), (over,))


def test_an_unknown_is_never_accepted() -> None:
    entry = Accepted(id="agent-not-installed", reason="nobody has seen it")
    reckoning = accept(report(UNKNOWN), [entry])
    assert reckoning.report.exit_code() is ExitCode.UNDETERMINED
    assert reckoning.idle == (entry,)


def test_a_warning_can_be_accepted() -> None:
    entry = Accepted(id="static-aws-keys-shadow", reason="fine")
    warned = replace(KEYS, severity=Severity.WARN)
    assert accept(report(warned), [entry]).report.exit_code(fail_on=Severity.WARN) is ExitCode.OK


GOOD = {"id": "association-missing", "reason": "r"}


@table(
    ("value", "why"),
    [
        (None, "not a baseline"),
        ([], "not a baseline"),
        ({"accepted": 1}, "not a baseline"),
        ({"accepted": [], "more": 1}, "not a baseline"),
        ({"accepted": ["x"]}, "entry 1 requires"),
        ({"accepted": [GOOD, {"id": "association-missing"}]}, "entry 2 requires"),
        ({"accepted": [GOOD | {"until": "2027-01-01"}]}, "and `expires` only"),
        ({"accepted": [GOOD | {"reason": " "}]}, "`reason` must not be empty"),
        ({"accepted": [GOOD | {"subject": 1}]}, "must be text"),
        ({"accepted": [GOOD | {"id": "association-misssing"}]}, "not the id of a check"),
        ({"accepted": [GOOD | {"expires": "soon"}]}, "must be a date"),
        ({"accepted": [GOOD | {"expires": 20270101}]}, "must be a date"),
    ],
)
def test_a_bad_file_is_refused(value: object, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        parse_baseline(value, BY_ID, "accepted.yaml")


def test_a_good_file() -> None:
    value = {"accepted": [GOOD | {"expires": date(2027, 1, 1)}, GOOD | {"subject": "Node a", "expires": "2027-01-02"}]}
    assert parse_baseline(value, BY_ID, "f") == (
        Accepted(id="association-missing", reason="r", expires=date(2027, 1, 1)),
        Accepted(id="association-missing", reason="r", subject="Node a", expires=date(2027, 1, 2)),
    )


# --- missing permissions ----------------------------------------------------------------------------------------------


STALE = healthy(pods=(bare(pod()),), nodes=(node(), node("two"), node("three")), agent_pods=())


def few_permissions() -> DoctorReport:
    def denied(name: str) -> Any:
        service = SERVICES[name]
        permission = {"aws": "iam:GetRole", "kubernetes": "list pods"}.get(service, "")
        return Missing(f"you may not {permission}: {name}", permission, "AccessDenied")

    gaps = {name: denied(name) for name in SERVICES if name not in ("cluster", "associations")}
    return diagnose(replace(healthy(), **gaps))


def test_checks_without_the_same_permission_are_one_group() -> None:
    report = few_permissions()
    assert len(report.unknowns) > 25
    groups = group_unknowns(report.verdicts)
    assert [group.permission for group in groups[:2]] == ["list pods", "iam:GetRole"]
    others = {verdict.reason for verdict in report.unknowns if not verdict.permission}
    assert [group.reason for group in groups[2:]] == sorted(others, key=[g.reason for g in groups].index)
    assert sum(len(group.verdicts) for group in groups) == len(report.unknowns)
    assert missing_permissions(report.verdicts) == ("list pods", "iam:GetRole")
    assert groups[0].severity is Severity.ERROR
    assert len(groups[0].checks) == len(set(groups[0].checks)) > 10


def test_a_report_that_lacks_nothing_names_no_permission() -> None:
    assert missing_permissions(diagnose(STALE).verdicts) == ()
