"""Every kind of document, of real commands: in every format, and against its schema once something in it is wrong."""

import copy
import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from harness import from_yaml, table
from podid.commands.sandbox import views as sandbox_views
from podid.domain.encoding import plain
from podid.render.formats import Format, to_text
from podid.render.pages import failures_view
from podid.render.screen import Screen, draw
from podid.render.view import View
from podid.sandbox.process import Environment, Running
from scenes import Scene, read_through
from test_schemas import SCHEMAS, VALIDATORS

# an error is no kind: it goes to stderr by itself
# a declaration is read, not printed
KINDS = sorted(SCHEMAS.keys() - {"Error", "PodIdentity"})
RUNNING = Running("http://127.0.0.1:1", 7, "demo", "111122223333", "us-west-2", "", 0.0, "/log")
# of a sandbox that runs as a process, which the story has none of
SANDBOX = (
    sandbox_views.running_view(RUNNING, "running"),
    sandbox_views.absent_view("not running"),
    read_through(failures_view({"sa-mismatch": ("in place", "broken/sa-mismatch"), "sdk-too-old": ("possible", "")})),
    sandbox_views.environment_view(Environment({"AWS_REGION": "us-west-2"}, ("AWS_PROFILE",))),
)


class ByKind(dict[str, list[View]]):
    def __missing__(self, kind: str) -> list[View]:
        pytest.fail(f"no document of kind {kind} was printed: STORY of ways.py needs a line that prints one", False)


@pytest.fixture(scope="session")
def views(story: list[Scene]) -> dict[str, list[View]]:
    """What the commands of the story printed, by kind."""
    by_kind: dict[str, list[View]] = {}
    for view in (*SANDBOX, *(view for scene in story for view in scene.views)):
        by_kind.setdefault(str(view.document["kind"]), []).append(view)
    return ByKind(by_kind)


def test_every_kind_that_was_printed_has_a_type(views: dict[str, list[View]]) -> None:
    assert views.keys() - set(KINDS) == set(), "each wants its schema: make docs"


# --- formats ----------------------------------------------------------------------------------------------------------


@table("kind", KINDS)
def test_documents_hold_json_and_nothing_else(kind: str, views: dict[str, list[View]]) -> None:
    def foreign(value: Any) -> list[type]:
        if isinstance(value, dict):
            return [*foreign(list(value)), *foreign(list(value.values()))]
        if isinstance(value, list):
            return [kind for item in value for kind in foreign(item)]
        return [] if value is None or type(value) in (str, int, float, bool) else [type(value)]

    for view in views[kind]:
        assert foreign(view.document) == []


@table("format_", [Format.JSON, Format.JSONL, Format.YAML])
@table("kind", KINDS)
def test_documents_are_read_back_as_they_are(kind: str, format_: Format, views: dict[str, list[View]]) -> None:
    for view in views[kind]:
        text = to_text(view, format_)
        if format_ is Format.JSONL:
            assert [json.loads(line) for line in text.splitlines()] == view.document.get("items", [view.document])
        else:
            assert (json.loads(text) if format_ is Format.JSON else from_yaml(text)) == view.document


@table("kind", KINDS)
def test_csv_has_a_header_and_rows(kind: str, views: dict[str, list[View]]) -> None:
    lengths = []
    for view in views[kind]:
        header, *rows = csv.reader(io.StringIO(to_text(view, Format.CSV)))
        assert len(set(header)) == len(header)
        assert {len(row) for row in rows} <= {len(header)}
        assert "-" not in {cell for row in rows for cell in row}
        lengths.append(len(rows))
    assert max(lengths) > 0


@table("kind", KINDS)
def test_names_are_words(kind: str, views: dict[str, list[View]]) -> None:
    for view in views[kind]:
        assert to_text(view, Format.NAME).splitlines() == list(view.names)
        assert [name for name in view.names if "\t" in name or "\\" in name or not name] == []
    # IAM may not report uses of the story's roles yet, so that podid keeps their permissions
    assert any(view.names for view in views[kind]) or kind == "RightSizing"


@table("wide", [False, True])
@table("kind", KINDS)
def test_people_read_every_view(kind: str, wide: bool, views: dict[str, list[View]]) -> None:
    # podid list makes no table if only the document is printed; golden files have its table
    for view in (view for view in views[kind] if view.tables or view.lines):
        assert draw(view, Screen(80), wide=wide).strip()
        assert to_text(view, Format.WIDE if wide else Format.TABLE).strip() or not view.tables[0].rows


def test_rows_of_reports(story: list[Scene]) -> None:
    printed = {scene.way.line: scene.views[-1] for scene in story if scene.views}  # what was printed last

    def rows(view: View) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(to_text(view, Format.CSV))))

    for line in ("doctor", "doctor --all"):
        outcomes = {(row["id"], row["outcome"]) for row in rows(printed[line])}
        assert {id_ for id_, outcome in outcomes if outcome == "fail"} == set(printed[line].names)
    assert rows(printed["verify shop/orders --yes"])[0]["role"] == "r"
    nodes = [row["node"] for row in rows(printed["agent nodes"])]
    assert [row["node"] for row in rows(printed["agent status"])] == nodes != []
    (shown,) = rows(printed["show shop/orders"])
    assert shown in rows(printed["list"])
    trust = rows(printed["trust check any-pod.json --cluster-arn CLUSTER --for shop/orders --for shop/cart"])
    assert [(row["service_account"], row["action"], row["verdict"]) for row in trust] == [
        ("orders", "sts:AssumeRole", "match"),
        ("orders", "sts:TagSession", "no-match"),
        ("cart", "sts:AssumeRole", "match"),
        ("cart", "sts:TagSession", "no-match"),
    ]
    assert [row["status"] for row in rows(printed["install-agent --dry-run"])] == ["planned"]
    assert rows(printed["history last"])[0]["verb"] in ("create", "update", "delete", "restart")
    (sandbox,) = rows(SANDBOX[0])
    assert (sandbox["state"], sandbox["pid"], sandbox["kubeconfig"]) == ("running", "7", "")


def test_a_value_without_a_form_in_json_is_refused() -> None:
    assert plain({"kind": "X", "a": (1, None), "b": Format.CSV}) == {"kind": "X", "a": [1, None], "b": "csv"}
    with pytest.raises(TypeError, match="no form for a object"):
        plain([object()])


# --- the schemas are as strict as they read ---------------------------------------------------------------------------

# somebody else's documents, and names that are the user's own
FREE = {
    "trustPolicy",
    "policyDocument",
    "policy",
    "proposed",
    "iamPolicy",
    "kubernetes",
    "manifests",
    "inlinePolicies",
    "tags",
    "annotations",
    "export",
    "schema",
    "addToTrustPolicy",
}
# of a status only where `verify` made it
VERIFY_ALONE = ("probes", "allowed")
# absent where they do not apply; of the state of a resource only the keys are always there
OPTIONAL = {
    "reason",
    "verdicts",
    "endpointUrl",
    "account",
    "region",
    "cluster",
    "kubeconfig",
    "pid",
    "log",
    *VERIFY_ALONE,
}
TRUST_WORDS = ("verdict", "actions.sts:AssumeRole.verdict", "actions.sts:TagSession.verdict", "findings.severity")
ACTION_WORDS = ("actions.kind", "actions.verb", "actions.status")
# kind -> where one of a few words stands, beside `kind` and `apiVersion`
WORDS: dict[str, Sequence[str]] = {
    "MigrationPlan": ("items.source", "items.stage"),
    "MigrationStatus": ("items.source", "items.stage"),
    "AccessReport": ("items.verdict", "items.accessLevel", "items.simulated"),
    "AllowedIdentityList": ("items.verdict",),
    "AgentStatus": ("state", "findings.severity"),
    "AgentStatusList": ("items.state",),
    "Association": (
        "trust.scope.kind",
        "status.state",
        *(f"trust.{place}" for place in TRUST_WORDS if place != "findings.severity"),
    ),
    "CheckList": ("items.severity", "items.fix"),
    "Completion": ("shell",),
    "CompletionFiles": ("shell",),
    "DoctorReport": (
        *("findings.severity", "findings.fix.class", "unknowns.severity"),
        *("verdicts.severity", "verdicts.outcome", "identities.state"),
    ),
    "Explanation": ("items.severity", "items.fix"),
    "RightSizing": ("policies.change",),
    "UnusedReport": ("items.kind", "items.verdict", "items.source"),
    "Graph": ("nodes.kind", "edges.kind"),
    "IdentityStatus": ("state", "newPod.state", "pods.state", "pods.uses"),
    "IdentityStatusList": ("items.state", "items.newPod.state", "items.pods.state"),
    "History": ("items.status", *(f"items.{place}" for place in ACTION_WORDS)),
    "PageList": ("items.severity", "items.fix"),
    "Privileges": ("services.levels.level", "escalations.verdict"),
    "Plan": (*ACTION_WORDS, "targetRoles.verdict"),
    "Preset": ("area",),
    "PresetList": ("items.area",),
    "Result": ACTION_WORDS,
    "PermissionReport": ("permissions.outcome",),
    "AssociationForm": ("form",),
    "Export": ("form",),
    "RoleForm": ("form",),
    "Sandbox": ("state",),
    "TrustAccess": ("verdict", "statements.effect", "findings.severity"),
    "TrustAccessList": tuple(f"items.{place}" for place in ("verdict", "statements.effect", "findings.severity")),
    "TrustEdit": ("outcome",),
    "TrustEditList": ("items.outcome",),
    "TrustReport": ("hop", *TRUST_WORDS),
    "TrustReportList": ("items.hop", *(f"items.{place}" for place in TRUST_WORDS)),
}
Place = tuple[str | int, ...]
# members whose word decides about the schema of what is beside them
DECIDING = ("kind", "verb", "status", "type", "class", "state", "outcome")


def _members(value: Any, path: Place = (), place: tuple[object, ...] = ()) -> Iterator[tuple[Place, Any, object]]:
    """Yield every member and item that podid, and nobody else, gives a shape: its path, its value, and its place in the
    schema, which the kinds and words around it decide."""
    pairs: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        pairs = value.items()
        place = (*place, *(str(value.get(word)) for word in DECIDING))
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, member in pairs:
        step = (*place, key if isinstance(key, str) else "item")
        yield (*path, key), member, (*step, type(member))
        if key not in FREE:
            yield from _members(member, (*path, key), step)


def _cut(value: Any) -> Any:
    """The same with three items of each list: what is wrong in one would be wrong in the next."""
    if isinstance(value, dict):
        return {key: _cut(member) for key, member in value.items()}
    return [_cut(item) for item in value[:3]] if isinstance(value, list) else value


def _changed(whole: Any, path: Place, value: Any = None, *, gone: bool = False) -> Any:
    """A copy with the member at `path` replaced, or gone; what is beside it is shared."""
    first, *rest = path
    copied = copy.copy(whole)
    if rest:
        copied[first] = _changed(whole[first], tuple(rest), value, gone=gone)
    elif gone:
        del copied[first]
    else:
        copied[first] = value
    return copied


def _mutants(whole: Any, words: Sequence[str], known: set[object]) -> Iterator[tuple[str, Any]]:
    """Yield the document with one error in it, and what it is. Skip places that are `known`, and add those of this
    document."""
    yield "more at the top", {**whole, "surprise": 1}
    for path, value, place in _members(whole):
        if place in known:
            continue
        known.add(place)
        name, in_state = path[-1], any(step in ("before", "after") for step in path[:-1])
        if isinstance(value, dict) and name not in FREE:
            yield f"more in {path}", _changed(whole, (*path, "surprise"), 1)
        if isinstance(name, str) and name not in OPTIONAL and not in_state:
            yield f"no {path}", _changed(whole, path, gone=True)
        # a document that is not there could be any object
        other = 1 if isinstance(value, dict) or (value is None and name in FREE) else {"surprise": 1}
        yield f"of another type: {path}", _changed(whole, path, other)
        if ".".join(step for step in path if isinstance(step, str)) in words:
            yield f"another word: {path}", _changed(whole, path, "surprise")
        if isinstance(name, str) and name.endswith("At") and value is not None:
            yield f"no time: {path}", _changed(whole, path, "yesterday")


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("kind", "everywhere"),
    [(kind, False) for kind in KINDS] + [pytest.param(kind, True, marks=pytest.mark.rare) for kind in KINDS],
)
def test_one_thing_wrong_is_found(kind: str, everywhere: bool, views: dict[str, list[View]]) -> None:
    """At each place of the schema in one document that has it, and under `make fuzz` in all of them."""
    words = ("kind", "apiVersion", *WORDS.get(kind, ()))
    tried: set[str] = set()
    known: set[object] = set()
    for view in views[kind]:
        assert VALIDATORS[kind].is_valid(view.document)
        whole = _cut(view.document)
        for wrong, mutant in _mutants(whole, words, set() if everywhere else known):
            assert not VALIDATORS[kind].is_valid(mutant), wrong
        tried |= {".".join(step for step in path if isinstance(step, str)) for path, *_ in _members(whole)}
    assert set(words) <= tried
