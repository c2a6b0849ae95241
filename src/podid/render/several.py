"""Plans and results of several clusters in one view."""

from collections import Counter
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
    counts = Counter(map(_name_of, views))
    # clusters of other accounts and regions may have the same name
    clusters = [name if counts[name := _name_of(view)] == 1 else _arn_of(view) or name for view in views]
    lines: list[str | Line] = []
    for cluster, view in zip(clusters, views, strict=True):
        lines += [f"cluster {cluster}:", *view.lines]
    columns = views[0].tables[0].columns if views else ()
    rows = tuple((name, *row) for name, view in zip(clusters, views, strict=True) for row in view.tables[0].rows)
    table = Table((Column("CLUSTER"), *columns), rows)
    names = tuple(name for view in views for name in view.names)
    body = document(kind or ResultListDocument, items=[part_of(view) for view in views], failures=failures)
    return View(body, (table,), names, tuple(lines))


def _arn_of(view: View) -> str:
    return str(view.document.get("clusterArn") or "")


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
