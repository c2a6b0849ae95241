"""The fixes that podid carries out by itself."""

from datetime import UTC, datetime
from typing import Any

from checks.cases import FAILING
from harness import table
from podid.checks.all import BY_ID
from podid.checks.runner import run_checks
from podid.domain.findings import Fix, FixClass, Outcome, Severity, Subject, Verdict
from podid.domain.report import DoctorReport
from podid.ops.doctor.fixes import auto_fixes, fix_notes


def failed(check: str, *commands: tuple[str, ...], kind: FixClass = FixClass.ASK, **more: Any) -> Verdict:
    subject = Subject("Deployment", "orders", "shop")
    fix = Fix(kind, commands)
    return Verdict(check=check, outcome=Outcome.FAIL, subject=subject, message="m", fix=fix, **more)


RESTART = ("podid", "restart", "shop/orders")
AGENT = ("podid", "install-agent")
DISASSOCIATE = ("podid", "disassociate", "shop/orders")
ASSOCIATE = ("podid", "associate", "shop/orders", "--role", "r")


def report_of(*verdicts: Verdict) -> DoctorReport:
    return DoctorReport(cluster="demo", cluster_arn="", taken_at=datetime(2026, 1, 1, tzinfo=UTC), verdicts=verdicts)


def test_fixes_by_class_severity_and_id() -> None:
    report = report_of(
        *(
            failed("a", RESTART),
            failed("b", RESTART),  # done once
            failed("c", ("kubectl", "delete", "pod", "x")),
            failed("d", ("podid", "history")),  # changes nothing
            failed("e", AGENT, kind=FixClass.PRINT),
            failed("f", AGENT, masked_by="a"),
            failed("g", AGENT, ("aws", "iam", "x")),
            failed("h", AGENT),
            failed("i"),
            failed("j", DISASSOCIATE),
            failed("k", ASSOCIATE),
            failed("l", ("podid", "restart", "shop/cart"), severity=Severity.INFO),
            failed("m", (*ASSOCIATE, "--update-trust")),
            failed("n", ("podid", "role", "create", "r", "--for", "shop/x"), DISASSOCIATE),
            failed("o", (*AGENT, "--force")),
            failed("p", ("podid", "move", "shop/a", "shop/b")),
        ),
    )

    def chosen(*only: str, level: Severity = Severity.WARN) -> list[str]:
        return [item.verdict.check for item in auto_fixes(report, only, level)[0]]

    # pods last: they get what the others put right
    assert chosen() == ["h", "a"]
    assert chosen(level=Severity.INFO) == ["h", "a", "l"]
    assert chosen(*"abcdefghijklmnop") == ["h", "j", "k", "n", "a", "l"]
    assert [item.kind for item in auto_fixes(report, "jkn")[0]] == [FixClass.DELETE, FixClass.GRANT, FixClass.DELETE]
    assert auto_fixes(report)[1] == (
        *("j (deletes, error)", "k (gives a role, error)", "n (deletes, error)"),
        "l (restarts or installs, info)",
    )


@table(
    ("verdicts", "ids", "notes"),
    [
        ((), (), []),
        ((), ("a",), ["not found, nothing to fix: a"]),
        ((failed("a", AGENT),), (), []),
        ((failed("a", AGENT),), ("a", "b"), ["not found, nothing to fix: b"]),
        ((failed("a", AGENT, kind=FixClass.PRINT),), (), ["podid cannot carry out a fix for these findings"]),
        ((failed("a", AGENT, kind=FixClass.PRINT),), ("a",), ["podid cannot carry out a fix for these findings"]),
        ((failed("a", DISASSOCIATE),), (), ["skipped; pass --fix-id to include them: a (deletes, error)"]),
    ],
)
def test_notes_on_findings_without_a_fix(verdicts: tuple[Verdict, ...], ids: tuple[str, ...], notes: list[str]) -> None:
    report = report_of(*verdicts)
    assert list(fix_notes(report, ids, *auto_fixes(report, ids))) == notes


@table("check_id", FAILING)
def test_without_an_id_podid_installs_the_agent_or_restarts_pods_only(check_id: str) -> None:
    report = report_of(*run_checks((BY_ID[check_id],), FAILING[check_id]))
    commands = [command for fix in auto_fixes(report, level=Severity.INFO)[0] for command in fix.commands]
    assert {command[:2] for command in commands} <= {("podid", "install-agent"), ("podid", "restart")}
    assert not {"--update-trust", "--adopt", "--replace", "--force"} & {
        word for command in commands for word in command
    }
