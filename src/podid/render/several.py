"""What a changing command did, or would do, in several clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from podid.domain.errors import PodidError
from podid.render.view import Column, Line, Table, View, document

if TYPE_CHECKING:
    from podid.render.documents import changes as documents


def results_view(views: Sequence[View], failures: Sequence[tuple[str, PodidError]]) -> View:
    """Plans or results of several clusters in one, with what kept others from having one."""
    body: documents.ResultListDocument = {
        "kind": "ResultList",
        "items": [cast("documents.ResultDocument", _headless(view)) for view in views],
        "failures": [
            {"cluster": name, "code": error.code, "message": error.what, "exitCode": int(error.exit_code)}
            for name, error in failures
        ],
    }
    lines: list[str | Line] = []
    for view in views:
        lines += [f"cluster {view.document['cluster']}:", *view.lines]
    tables = [view.tables[0] for view in views]
    table = Table(
        (Column("CLUSTER"), *tables[0].columns),
        tuple((str(view.document["cluster"]), *row) for view in views for row in view.tables[0].rows),
    )
    names = tuple(name for view in views for name in view.names)
    return View(document(body), (table,), names, tuple(lines))


def _headless(view: View) -> dict[str, object]:
    return {key: value for key, value in view.document.items() if key != "apiVersion"}
