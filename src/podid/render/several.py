"""Plans and results of several clusters in one view."""

from collections.abc import Sequence
from typing import Annotated

from podid.domain.errors import PodidError
from podid.domain.members import About, Document, From
from podid.render.changes import FilePlanDocument, PlanDocument, ResultDocument
from podid.render.view import Column, Line, Table, View, document, part_of


def results_view(
    views: Sequence[View], failures: Sequence[tuple[str, PodidError]], kind: type[Document] | None = None
) -> View:
    """Return the documents of several clusters in one view, with the failures of others: plans, results, or those that
    `kind` lists."""
    lines: list[str | Line] = []
    for view in views:
        lines += [f"cluster {_cluster_of(view)}:", *view.lines]
    columns = views[0].tables[0].columns if views else ()
    table = Table(
        (Column("CLUSTER"), *columns),
        tuple((_cluster_of(view), *row) for view in views for row in view.tables[0].rows),
    )
    names = tuple(name for view in views for name in view.names)
    body = document(kind or ResultListDocument, items=[part_of(view) for view in views], failures=failures)
    return View(body, (table,), names, tuple(lines))


def _cluster_of(view: View) -> str:
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
