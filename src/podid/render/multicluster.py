"""Plans and results of several clusters, or of several fixes, in one view."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from podid.domain.errors import PodidError
from podid.domain.findings import FixClass, Severity, Subject
from podid.domain.members import About, Argv, Document, From
from podid.render.changes import FilePlanDocument, PlanDocument, ResultDocument
from podid.render.view import Column, Line, Table, View, document, part_of, table_of

if TYPE_CHECKING:
    from podid.ops.doctor.fixes import AutoFix


def results_view(
    views: Sequence[View], failures: Sequence[tuple[str, PodidError]], kind: type[Document] | None = None
) -> View:
    """Return the documents of several clusters in one view, with the failures of others: plans, results, or those that
    `kind` lists."""
    counts = Counter(map(_name_of, views))
    # clusters of other accounts and regions may have the same name
    clusters = [
        name if counts[name := _name_of(view)] == 1 else str(view.document.get("clusterArn") or name) for view in views
    ]
    lines: list[str | Line] = []
    for cluster, view in zip(clusters, views, strict=True):
        lines += [f"cluster {cluster}:", *view.lines]
    columns = views[0].tables[0].columns if views else ()
    rows = tuple((name, *row) for name, view in zip(clusters, views, strict=True) for row in view.tables[0].rows)
    table = Table((Column("CLUSTER"), *columns), rows)
    names = tuple(name for view in views for name in view.names)
    body = document(kind or ResultListDocument, items=[part_of(view) for view in views], failures=failures)
    unread = tuple(
        f"cluster {name}: {part}" for name, view in zip(clusters, views, strict=True) for part in view.unread
    )
    return View(body, (table,), names, tuple(lines), unread=unread)


def _name_of(view: View) -> str:
    return str(view.document["cluster"] if "cluster" in view.document else view.document["clusterName"])


class ClusterFailureBody(Document):
    # of a cluster's name and the error
    cluster: Annotated[str, From(lambda failure: failure[0])]
    code: Annotated[str, From(lambda failure: failure[1].code)]
    message: Annotated[str, From(lambda failure: failure[1].message)]
    exit_code: Annotated[int, From(lambda failure: int(failure[1].exit_code))]


class ResultListDocument(Document, kind="ResultList"):
    """A changing command in several clusters: the result, or the plan, of each."""

    items: Sequence[ResultDocument | PlanDocument | FilePlanDocument]
    failures: Annotated[Sequence[ClusterFailureBody], About("The clusters without a result, and the reason.")]


@dataclass(frozen=True, slots=True)
class PlannedFix:
    """A command of a fix with its plan; without a plan `error` is its error document."""

    source: AutoFix
    command: tuple[str, ...]
    plan: View | None
    error: Mapping[str, Any]


def fixes_view(fixes: Sequence[PlannedFix], cluster: str) -> View:
    from podid.ops.doctor.fixes import WORDS

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
