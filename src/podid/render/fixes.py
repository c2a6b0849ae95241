"""What a doctor's fixes would change."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from podid.ops.doctor.fixes import WORDS, Mend
from podid.render.view import Line, Table, View, columns, document

if TYPE_CHECKING:
    from podid.render.documents import changes as documents


@dataclass(frozen=True, slots=True)
class PlannedFix:
    """A command of a fix with its plan, as the command itself shows it; without one, `error` is its error document."""

    mend: Mend
    command: tuple[str, ...]
    plan: View | None
    error: Mapping[str, Any]


def fixes_view(found: Sequence[PlannedFix], cluster: str) -> View:
    body: documents.FixListDocument = {"kind": "FixList", "cluster": cluster, "items": [_body(fix) for fix in found]}
    rows = tuple(
        (fix.mend.verdict.check, str(fix.mend.verdict.subject), WORDS[fix.mend.kind], shlex.join(fix.command))
        for fix in found
    )
    lines: list[str | Line] = []
    for fix in found:
        verdict = fix.mend.verdict
        lines += [
            f"{verdict.check}, {verdict.subject}: {verdict.message}",
            f"  fix ({WORDS[fix.mend.kind]}): {shlex.join(fix.command)}",
            *(fix.plan.lines if fix.plan is not None else (f"  no plan: {fix.error['message']}",)),
        ]
    table = Table(columns("ID", "SUBJECT", "DOES", "COMMAND"), rows)
    return View(document(body), (table,), tuple(fix.mend.verdict.check for fix in found), tuple(lines))


def _body(fix: PlannedFix) -> documents.PlannedFixBody:
    subject = fix.mend.verdict.subject
    plan = None if fix.plan is None else {key: value for key, value in fix.plan.document.items() if key != "apiVersion"}
    error: documents.FixFailureBody | None = None
    if fix.error:
        error = {name: fix.error[name] for name in ("code", "message", "exitCode")}  # type: ignore[assignment]  # of its form
    return {
        "id": fix.mend.verdict.check,
        "severity": fix.mend.verdict.severity,
        "subject": {"kind": subject.kind, "namespace": subject.namespace or None, "name": subject.name},
        "class": fix.mend.kind,
        "command": fix.command,
        "plan": cast("documents.PlanDocument | None", plan),
        "error": error,
    }
