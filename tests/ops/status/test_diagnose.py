"""Selection of checks, scope, report and exit code."""

from dataclasses import replace
from typing import Any

import pytest

from checks.builder import ROLE_ARN, ago, association, bare, healthy, pod, role, trust, workload
from checks.cases import FAILING
from harness import table
from ops.status.snapshots import DENIED, two_apps
from podid.domain.errors import AccessDenied, ExitCode, NotFound, Undetermined, UsageError
from podid.domain.findings import Severity
from podid.domain.permissions import KubePermission
from podid.domain.report import DoctorReport, Summary
from podid.domain.snapshot import Known, Missing, Snapshot
from podid.ops.reading.scope import DoctorScope
from podid.ops.reading.sections import permissions
from podid.ops.status.diagnose import describe_checks, diagnose, select

# --- selection -----------------------------------------------------------------------------------------------------


def test_select_keeps_causal_order_and_knows_the_nearest_id() -> None:
    assert [c.id for c in select(("role-not-found", "sa-mismatch"))] == ["sa-mismatch", "role-not-found"]
    assert "sa-mismatch" not in [c.id for c in select(skip=("sa-mismatch",))]
    with pytest.raises(UsageError, match="'sa-missmatch' is not the id of a check; did you mean sa-mismatch"):
        select(("sa-missmatch",))
    with pytest.raises(UsageError, match="No check to run"):
        select(("sa-mismatch",), ("sa-mismatch",))


@table("link", range(11))
def test_a_link_is_answered_with_verdicts_on_it_alone(link: int) -> None:
    checks = select(links=(str(link),))
    snapshots = (FAILING["permissions-boundary-denies"], *list(FAILING.values())[link::11])
    shown = [v for snapshot in snapshots if snapshot for v in diagnose(snapshot, checks=checks).verdicts]
    assert {verdict.link for verdict in shown} == {link}


# --- scope ---------------------------------------------------------------------------------------------------------


def causes(report: DoctorReport) -> list[tuple[str, str, str]]:
    return [(v.check, v.severity.value, v.masked_by) for v in report.findings]


CHECKS = select(("pod-predates-association", "agent-not-on-node", "role-not-found", "association-missing"))


def test_the_whole_cluster() -> None:
    assert causes(diagnose(two_apps(), checks=CHECKS)) == [
        ("pod-predates-association", "error", ""),
        ("role-not-found", "error", ""),
        ("agent-not-on-node", "warn", ""),
    ]


@table(
    ("scope", "expected"),
    [
        (DoctorScope("shop"), []),
        (DoctorScope("shop", "ServiceAccount", "orders"), []),
        (DoctorScope("shop", "Pod", "orders-5d9c-x1"), []),
        (DoctorScope("pay"), ["pod-predates-association", "role-not-found"]),
        (DoctorScope("pay", "Deployment", "billing"), ["pod-predates-association", "role-not-found"]),
        (DoctorScope("pay", "ServiceAccount", "invoices"), ["association-missing"]),
    ],
)
def test_a_scope_sees_its_own_service_accounts(scope: DoctorScope, expected: list[str]) -> None:
    assert [v.check for v in diagnose(two_apps(), checks=CHECKS, scope=scope).findings] == expected


def test_targets_that_do_not_exist_or_cannot_be_read() -> None:
    with pytest.raises(NotFound, match="Pod shop/none does not exist"):
        diagnose(healthy(), scope=DoctorScope("shop", "Pod", "none"))
    with pytest.raises(NotFound, match=r"Deployment shop/order does not exist; did you mean orders\?"):
        diagnose(healthy(), scope=DoctorScope("shop", "Deployment", "order"))
    with pytest.raises(NotFound, match=r"Service account shop/ordres does not exist; did you mean orders\?"):
        diagnose(healthy(), scope=DoctorScope("shop", "ServiceAccount", "ordres"))
    with pytest.raises(NotFound, match=r"Namespace shpo does not exist; did you mean shop\?"):
        diagnose(healthy(), scope=DoctorScope("shpo"))
    with pytest.raises(NotFound, match="Namespace deploy does not exist") as kubectl:
        diagnose(healthy(), scope=DoctorScope("deploy", "ServiceAccount", "cart"))
    assert kubectl.value.advice == "For Deployment cart, specify deploy/NAMESPACE/cart"
    with pytest.raises(AccessDenied, match="Pod shop/x could not be read: you may not list pods") as caught:
        diagnose(healthy(pods=DENIED), scope=DoctorScope("shop", "Pod", "x"))
    assert caught.value.permission == "list pods"
    with pytest.raises(Undetermined):
        diagnose(healthy(workloads=Missing("no answer")), scope=DoctorScope("shop", "Deployment", "x"))
    scaled = healthy(pods=(), workloads=(workload(replicas=0),))
    assert diagnose(scaled, scope=DoctorScope("shop", "Deployment", "orders")).findings == ()


def test_service_accounts_of_associations_and_workloads_are_checked_even_if_they_do_not_exist() -> None:
    typo = DoctorScope("shop", "ServiceAccount", "odrers")
    named = diagnose(healthy(associations=(association(name="odrers"),)), scope=typo)
    assert [v.check for v in named.findings if not v.masked_by] == ["association-sa-not-found"]
    assert diagnose(healthy(pods=(), workloads=(workload(service_account="odrers"),)), scope=typo).findings
    unread = diagnose(healthy(service_accounts=DENIED), scope=typo)
    assert "association-missing" in [v.check for v in unread.findings]
    gone = diagnose(healthy(namespaces=frozenset({"default"})), scope=DoctorScope("shop"))
    assert "association-namespace-not-found" in [v.check for v in gone.findings]


# --- report --------------------------------------------------------------------------------------------------------


def test_summary_and_identities() -> None:
    report = diagnose(two_apps(), checks=CHECKS)
    assert report.summary == Summary(error=2, warn=1, info=0, unknown=0, passed=3, masked=0)
    result = [(str(entry.ref), entry.state, entry.cause and entry.cause.check) for entry in report.identities]
    # not all checks ran, so nothing is claimed of the other one
    assert result == [("pay/billing", "broken", "role-not-found"), ("shop/orders", None, None)]


@table(
    ("snapshot", "options", "code"),
    [
        (healthy(), {}, ExitCode.OK),
        (two_apps(), {}, ExitCode.ATTENTION),
        (two_apps(), {"fail_on": None}, ExitCode.OK),
        (healthy(pods=DENIED), {}, ExitCode.UNDETERMINED),
        (healthy(pods=DENIED), {"allow_unknown": True}, ExitCode.OK),
        (replace(two_apps(), daemon_sets=DENIED), {}, ExitCode.ATTENTION),
        (healthy(roles={ROLE_ARN: Known(role(document=trust(Null={"aws:SourceArn": "false"})))}), {}, ExitCode.OK),
        (
            healthy(roles={ROLE_ARN: Known(role(document=trust(Null={"aws:SourceArn": "false"})))}),
            {"fail_on": Severity.WARN},
            ExitCode.ATTENTION,
        ),
    ],
)
def test_exit_code(snapshot: Snapshot, options: Any, code: ExitCode) -> None:
    assert diagnose(snapshot).exit_code(**options) is code


# --- the list of checks --------------------------------------------------------------------------------------------


def test_the_list_of_checks_names_permissions() -> None:
    row = next(info for info in describe_checks() if info.id == "node-role-missing-eks-auth")
    assert (row.severity, row.link, row.fix) == ("error", 7, "PRINT")
    assert row.iam == (
        "ec2:DescribeInstances",
        "eks:DescribeAccessEntry",
        "eks:DescribeCluster",
        "eks:DescribeNodegroup",
        "eks:DescribePodIdentityAssociation",
        "eks:ListAccessEntries",
        "eks:ListNodegroups",
        "eks:ListPodIdentityAssociations",
        "iam:GetInstanceProfile",
        "iam:GetRole",
        "iam:SimulatePrincipalPolicy",
    )
    assert row.kubernetes == ("list nodes", "list pods", "list ec2nodeclasses")


def test_permissions_of_all_checks_never_include_secrets() -> None:
    needs = permissions(select())
    assert "iam:GetRole" in needs.iam
    assert KubePermission("", "pods", "list") in needs.kubernetes
    assert KubePermission("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "get") in needs.kubernetes
    assert {permission.verb for permission in needs.kubernetes} <= {"get", "list"}
    assert "secrets" not in {permission.resource for permission in needs.kubernetes}


def test_a_restart_comes_after_the_fix_for_new_pods() -> None:
    """`podid restart` refuses while new pods would get no credentials."""
    stale = bare(pod(created_at=ago(days=3)))

    def evidence(**sections: Any) -> str:
        (finding,) = [v for v in diagnose(healthy(pods=(stale,), **sections)).findings if "predates" in v.check]
        assert finding.fix is not None
        assert finding.fix.commands[0][:2] == ("podid", "restart")
        return finding.evidence[-1]

    first = "fix trust-missing-tag-session first: podid restart refuses until then"
    assert evidence(roles={ROLE_ARN: Known(role(document=trust(actions=["sts:AssumeRole"])))}) == first
    assert "first" not in evidence()
