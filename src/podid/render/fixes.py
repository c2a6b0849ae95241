"""The plans of the fixes of `podid doctor --fix`."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from podid.domain.findings import FixClass, Severity, Subject
from podid.domain.members import About, Argv, Document, From
from podid.ops.doctor.fixes import WORDS, AutoFix
from podid.render.changes import PlanDocument
from podid.render.view import Line, View, document, part_of, table_of


@dataclass(frozen=True, slots=True)
class PlannedFix:
    """A command of a fix with its plan; without a plan `error` is its error document."""

    source: AutoFix
    command: tuple[str, ...]
    plan: View | None
    error: Mapping[str, Any]


def fixes_view(fixes: Sequence[PlannedFix], cluster: str) -> View:
    body = document(FixListDocument, cluster=cluster, items=fixes)
    table = table_of(
        fixes,
        ("ID", "source.verdict.check"),
        ("SUBJECT", "source.verdict.subject"),
        ("DOES", lambda fix: WORDS[fix.source.kind]),
        ("COMMAND", lambda fix: shlex.join(fix.command)),
    )
    lines: list[str | Line] = []
    for fix in fixes:
        verdict = fix.source.verdict
        lines += [
            f"{verdict.check}, {verdict.subject}: {verdict.message}",
            f"  fix ({WORDS[fix.source.kind]}): {shlex.join(fix.command)}",
            *(fix.plan.lines if fix.plan is not None else (f"  no plan: {fix.error['message']}",)),
        ]
    return View(body, (table,), tuple(fix.source.verdict.check for fix in fixes), tuple(lines))


class FixFailureBody(Document):
    code: str
    message: str
    exit_code: int


class PlannedFixBody(Document):
    id: Annotated[str, From("source.verdict.check")]
    severity: Annotated[Severity, From("source.verdict.severity")]
    subject: Annotated[Subject, From("source.verdict.subject")]
    class_: Annotated[FixClass, From("source.kind")]
    command: Argv
    plan: Annotated[
        PlanDocument | None,
        From(lambda fix: None if fix.plan is None else part_of(fix.plan)),
        About("null if the command has no plan."),
    ]
    error: Annotated[
        FixFailureBody | None,
        From(lambda fix: {name: fix.error[name] for name in ("code", "message", "exitCode")} if fix.error else None),
        About("The reason why the command has no plan."),
    ]


class FixListDocument(Document, kind="FixList"):
    """`podid doctor --fix --dry-run`: the plan of each command that --fix would run."""

    cluster: str
    items: Sequence[PlannedFixBody]
