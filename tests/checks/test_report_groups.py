"""How a report is counted and said: each check once, each missing right once."""

from dataclasses import replace
from typing import Any

import pytest

from podid.checks.base import Check
from podid.domain.findings import Outcome, Severity
from podid.domain.report import DoctorReport
from podid.domain.report_groups import count_checks, group_unknowns, missing_rights
from podid.domain.snapshot import SERVICES, Missing, Snapshot
from podid.ops.status.diagnose import diagnose, select

from .builder import bare, healthy, node, pod
from .test_three_cases import CASES

STALE = healthy(pods=(bare(pod()),), nodes=(node(), node("two"), node("three")), agent_pods=())


def links(checks: tuple[Check, ...]) -> dict[str, int]:
    return {check.id: check.link for check in checks}


SNAPSHOTS = [healthy(), STALE, *[cases.broken for cases in list(CASES.values())[::9] if cases.broken is not None]]


@pytest.mark.parametrize("snapshot", SNAPSHOTS)
@pytest.mark.parametrize("chosen", [(), ("6",), ("1", "9"), ("0",)], ids=str)
def test_the_links_add_up_to_the_checks(snapshot: Snapshot, chosen: tuple[str, ...]) -> None:
    checks = select(links=chosen)
    report = diagnose(snapshot, checks=checks)
    ran = {check: link for check, link in links(checks).items() if check in report.checks}
    counted = count_checks(report.verdicts, ran)
    assert sum(each.total for each in counted) == len(report.checks)
    assert [each.link for each in counted] == sorted({int(link) for link in chosen} or range(11))
    failing = {v.check for v in report.findings if v.severity is Severity.ERROR}
    assert sum(each.broken for each in counted) == len(failing)
    assert bool(sum(each.unknown for each in counted)) <= bool(report.unknowns)


def test_a_check_counts_once_by_its_worst_verdict() -> None:
    report = diagnose(STALE)
    one = [v for v in report.verdicts if v.check == "agent-not-on-node"]
    assert len(one) == 3
    (counted,) = count_checks(one, {"agent-not-on-node": 6})
    assert (counted.broken, counted.total) == (1, 1)
    accepted = [replace(v, accepted="known") for v in one]
    (counted,) = count_checks(accepted, {"agent-not-on-node": 6})
    assert (counted.broken, counted.notes) == (0, 1)
    assert count_checks([], {"agent-not-on-node": 6})[0].idle == 1
    (skipped,) = count_checks([replace(one[0], outcome=Outcome.NOT_APPLICABLE)], {"agent-not-on-node": 6})
    assert (skipped.ok, skipped.idle) == (0, 1)


def few_rights() -> DoctorReport:
    def denied(name: str) -> Any:
        service = SERVICES[name]
        right = {"aws": "iam:GetRole", "kubernetes": "list pods"}.get(service, "")
        return Missing(f"you may not {right}: {name}", right, "AccessDenied")

    gaps = {name: denied(name) for name in SERVICES if name not in ("cluster", "associations")}
    return diagnose(replace(healthy(), **gaps))


def test_what_one_right_hides_is_one_group() -> None:
    report = few_rights()
    assert len(report.unknowns) > 25
    groups = group_unknowns(report.verdicts)
    assert [group.permission for group in groups[:2]] == ["list pods", "iam:GetRole"]
    others = {verdict.reason for verdict in report.unknowns if not verdict.permission}
    assert [group.reason for group in groups[2:]] == sorted(others, key=[g.reason for g in groups].index)
    assert sum(len(group.verdicts) for group in groups) == len(report.unknowns)
    assert missing_rights(report.verdicts) == ("list pods", "iam:GetRole")
    assert groups[0].severity is Severity.ERROR
    assert len(groups[0].checks) == len(set(groups[0].checks)) > 10


def test_a_report_that_lacks_nothing_names_no_right() -> None:
    assert missing_rights(diagnose(STALE).verdicts) == ()
