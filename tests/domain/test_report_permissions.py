"""What could not be checked is told by the right that is missing."""

from dataclasses import replace
from typing import Any

from checks.builder import bare, healthy, node, pod
from podid.domain.findings import Severity
from podid.domain.report import DoctorReport, group_unknowns, missing_permissions
from podid.domain.snapshot import SERVICES, Missing
from podid.ops.status.diagnose import diagnose

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
