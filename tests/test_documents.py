"""Every kind of document, of real commands: in every format, and against its schema once something in it is wrong."""

import copy
import csv
import fcntl
import io
import json
import os
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import from_yaml, one_in
from podid.cli.terminal import Terminal
from podid.commands.sandbox import views as sandbox_views
from podid.domain.encoding import Items, plain
from podid.render.formats import Format, to_text
from podid.render.pages import failures_view
from podid.render.screen import Screen, draw
from podid.render.view import View
from podid.sandbox.process import Environment, Running
from test_schemas import SCHEMAS, VALIDATORS
from worlds import whole_site

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {"Effect": "Deny", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
# an error is no kind: it goes to stderr by itself
KINDS = sorted(SCHEMAS.keys() - {"Error"})
CLUSTER_ARN = "arn:aws:eks:us-west-2:111122223333:cluster/demo"
# a word that no file holds, so that what is asked for is followed by what is read
COMMANDS = """
agent status
doctor --fix --dry-run
install-agent --dry-run
install-agent
role create r --for shop/orders --policy-file POLICY --managed-policy AmazonS3ReadOnlyAccess --tag team=shop
role create r --for shop/orders --policy-file POLICY
role create r --for shop/orders --print terraform
role create r --for shop/orders --replace --tag team=web
role attach r --managed-policy AmazonSQSFullAccess
role detach r --managed-policy AmazonSQSFullAccess --yes
role create gone --for shop/gone
role delete gone --yes
associate shop/orders --role r --restart --wait api
associate shop/orders --role r --target-role arn:aws:iam::111122223333:role/storefront --replace --wait api --dry-run
associate shop/pay --role article-2023 --update-trust --wait api
associate shop/pay --role storefront --replace --wait api --cluster demo --cluster nosuch
associate shop/pay --create-role --role pay --print terraform
associate --show-permissions
agent status
agent versions
agent nodes
agent logs
agent logs --raw -o json
addon list --all
addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role storefront --wait api
list
list --pods --columns status,role-exists,exists
status
status shop/orders
show shop/orders
preset list
preset show s3-read,bucket=reports
role list
role show r
verify shop/orders --yes
verify -A --yes
verify shop/orders --yes --probe --can s3:GetObject --can sts:GetCallerIdentity
doctor
doctor --all
doctor --list
bundle BUNDLE --yes
doctor --me
doctor --me --for associate
explain trust-missing-tag-session
explain --list
trust check TRUST
trust check TRUST TRUST
trust check TRUST --cluster-arn CLUSTER --for shop/orders
trust check TRUST --cluster-arn CLUSTER --for shop/orders --for shop/cart
trust add TRUST --cluster-arn CLUSTER --for shop/cart
trust add TRUST TRUST --cluster-arn CLUSTER --for shop/cart --in-place --dry-run
trust add --role r --for shop/cart
restart shop/orders
disassociate shop/orders --yes --wait api
disassociate shop/orders --yes --wait api --ignore-not-found
undo last --yes --dry-run
undo last --yes
history
history last
whoami
completion bash
"""


class ByKind(dict[str, list[View]]):
    def __missing__(self, kind: str) -> list[View]:
        pytest.fail(f"no document of kind {kind} was printed: COMMANDS wants a line that prints one", pytrace=False)


@pytest.fixture(scope="session")
def views(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[View]]:
    """What the commands emitted, by kind. The first worker that wants them runs the commands for all."""
    home = tmp_path_factory.mktemp("home")
    shared = tmp_path_factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else home
    with (shared / "views.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = shared / "views.pickle"
        if not kept.exists():
            kept.write_bytes(pickle.dumps(emitted_by_kind(home)))
        return ByKind(pickle.loads(kept.read_bytes()))


def emitted_by_kind(home: Path) -> dict[str, list[View]]:
    files = {"TRUST": home / "trust.json", "POLICY": home / "policy.json"}
    files["TRUST"].write_text(json.dumps(TRUST))
    allow = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
    files["POLICY"].write_text(json.dumps({"Version": "2012-10-17", "Statement": allow}))
    files["BUNDLE"] = home / "bundle.tar.gz"
    words = {**{name: str(path) for name, path in files.items()}, "CLUSTER": CLUSTER_ARN}
    running = Running("http://127.0.0.1:1", 7, "demo", "111122223333", "us-west-2", "", 0.0, "/log")
    emitted = [
        sandbox_views.running_view(running, "running"),
        sandbox_views.absent_view("not running"),
        failures_view({"sa-mismatch": ("in place", "broken/sa-mismatch"), "sdk-too-old": ("possible", "")}),
        sandbox_views.environment_view(Environment({"AWS_REGION": "us-west-2"}, ("AWS_PROFILE",))),
    ]
    with pytest.MonkeyPatch.context() as patch, whole_site(home) as site:
        site.with_samples()
        node = site.cluster.items("/api/v1/nodes")[0]["metadata"]["name"]
        site.kube.add_agent_line(node, '{"level":"error","msg":"no EC2 IMDS role found","client-addr":"10.0.0.9:1"}')
        patch.setattr(Terminal, "_write", lambda self, view: emitted.append(view))
        for line in COMMANDS.strip().splitlines():
            before = len(emitted)
            outcome = site(*(words.get(word, word) for word in line.split()))
            assert len(emitted) == before + 1, (line, outcome)
        site.box.world.credentials.deny("iam:GetRole")
        site("doctor")
        site.box.world.credentials.deny("iam:SimulatePrincipalPolicy")
        site("doctor", "--me")
    found: dict[str, list[View]] = {}
    for view in emitted:
        members = {key: plain(each) if isinstance(each, Items) else each for key, each in view.document.items()}
        found.setdefault(str(members["kind"]), []).append(replace(view, document=members))
    return found


def test_every_kind_that_was_printed_has_a_type(views: dict[str, list[View]]) -> None:
    assert views.keys() - set(KINDS) == set(), "each wants its schema: make docs"


# --- formats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_documents_hold_json_and_nothing_else(kind: str, views: dict[str, list[View]]) -> None:
    def foreign(value: Any) -> list[type]:
        if isinstance(value, dict):
            return [*foreign(list(value)), *foreign(list(value.values()))]
        if isinstance(value, list):
            return [kind for item in value for kind in foreign(item)]
        return [] if value is None or type(value) in (str, int, float, bool) else [type(value)]

    for view in views[kind]:
        assert foreign(view.document) == []


@pytest.mark.parametrize("format_", [Format.JSON, Format.JSONL, Format.YAML])
@pytest.mark.parametrize("kind", KINDS)
def test_documents_are_read_back_as_they_are(kind: str, format_: Format, views: dict[str, list[View]]) -> None:
    for view in views[kind]:
        text = to_text(view, format_)
        if format_ is Format.JSONL:
            assert [json.loads(line) for line in text.splitlines()] == view.document.get("items", [view.document])
        else:
            assert (json.loads(text) if format_ is Format.JSON else from_yaml(text)) == view.document


@pytest.mark.parametrize("kind", KINDS)
def test_csv_has_a_header_and_rows(kind: str, views: dict[str, list[View]]) -> None:
    lengths = []
    for view in views[kind]:
        header, *rows = csv.reader(io.StringIO(to_text(view, Format.CSV)))
        assert len(set(header)) == len(header)
        assert {len(row) for row in rows} <= {len(header)}
        assert "-" not in {cell for row in rows for cell in row}
        lengths.append(len(rows))
    assert max(lengths) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_words(kind: str, views: dict[str, list[View]]) -> None:
    for view in views[kind]:
        assert to_text(view, Format.NAME).splitlines() == list(view.names)
        assert [name for name in view.names if "\t" in name or "\\" in name or not name] == []
    assert any(view.names for view in views[kind])


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_people_read_every_view(kind: str, wide: bool, views: dict[str, list[View]]) -> None:
    for view in views[kind]:
        assert draw(view, Screen(80), wide=wide).strip()
        assert to_text(view, Format.WIDE if wide else Format.TABLE).strip() or not view.tables[0].rows


def test_rows_of_reports(views: dict[str, list[View]]) -> None:
    def rows(view: View) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(to_text(view, Format.CSV))))

    report = views["DoctorReport"][0]
    outcomes = {(row["id"], row["outcome"]) for row in rows(report)}
    assert {id_ for id_, outcome in outcomes if outcome == "fail"} == set(report.names)
    assert rows(views["IdentityStatus"][0])[0]["role"] == "r"
    nodes = [row["node"] for row in rows(views["NodeList"][0])]
    assert [row["node"] for row in rows(views["AgentStatus"][-1])] == nodes != []
    (shown,) = rows(views["Association"][0])
    assert shown in rows(views["AssociationList"][0])
    trust = rows(views["TrustReportList"][0])
    assert [(row["service_account"], row["action"], row["verdict"]) for row in trust] == [
        ("orders", "sts:AssumeRole", "match"),
        ("orders", "sts:TagSession", "no-match"),
        ("cart", "sts:AssumeRole", "match"),
        ("cart", "sts:TagSession", "no-match"),
    ]
    assert [row["status"] for row in rows(views["Plan"][0])] == ["planned"]
    assert rows(views["History"][-1])[0]["verb"] in ("create", "update", "delete", "restart")
    (sandbox,) = rows(views["Sandbox"][0])
    assert (sandbox["state"], sandbox["pid"], sandbox["kubeconfig"]) == ("running", "7", "")


def test_what_json_has_no_word_for_is_refused() -> None:
    assert plain({"kind": "X", "a": (1, None), "b": Format.CSV}) == {"kind": "X", "a": [1, None], "b": "csv"}
    with pytest.raises(TypeError, match="nothing for a object"):
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
    "inlinePolicies",
    "tags",
    "export",
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
    "AgentStatus": ("state", "findings.severity"),
    "Association": (
        "trust.scope.kind",
        "status.state",
        *(f"trust.{place}" for place in TRUST_WORDS if place != "findings.severity"),
    ),
    "CheckList": ("items.severity", "items.fix"),
    "Completion": ("shell",),
    "DoctorReport": (
        *("findings.severity", "findings.fix.class", "unknowns.severity"),
        *("verdicts.severity", "verdicts.outcome", "identities.state"),
    ),
    "Explanation": ("items.severity", "items.fix"),
    "IdentityStatus": ("state", "newPod.state", "pods.state", "pods.uses"),
    "IdentityStatusList": ("items.state", "items.newPod.state", "items.pods.state"),
    "History": ("items.status", *(f"items.{place}" for place in ACTION_WORDS)),
    "PageList": ("items.severity", "items.fix"),
    "Plan": (*ACTION_WORDS, "targetRoles.verdict"),
    "Preset": ("area",),
    "PresetList": ("items.area",),
    "Result": ACTION_WORDS,
    "PermissionReport": ("permissions.outcome",),
    "AssociationForm": ("form",),
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


def _members(value: Any, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every member and item that podid, and nobody else, gives a shape."""
    found = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in found:
        yield (*path, key), member
        if key not in FREE:
            yield from _members(member, (*path, key))


def _cut(value: Any) -> Any:
    """The same with three items of each list: what is wrong in one would be wrong in the next."""
    if isinstance(value, dict):
        return {key: _cut(member) for key, member in value.items()}
    return [_cut(item) for item in value[:3]] if isinstance(value, list) else value


def _changed(whole: Any, path: Place, value: Any = None, *, gone: bool = False) -> Any:
    changed = copy.deepcopy(whole)
    owner = changed
    for key in path[:-1]:
        owner = owner[key]
    if gone:
        del owner[path[-1]]
    else:
        owner[path[-1]] = value
    return changed


def _mutants(whole: Any, words: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """The document with one thing wrong in it, and what that is."""
    yield "more at the top", {**whole, "surprise": 1}
    for path, value in _members(whole):
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


@pytest.mark.parametrize("kind", one_in(3, KINDS))
def test_one_thing_wrong_is_found(kind: str, views: dict[str, list[View]]) -> None:
    words = ("kind", "apiVersion", *WORDS.get(kind, ()))
    tried = set()
    for view in views[kind]:
        assert VALIDATORS[kind].is_valid(view.document)
        whole = _cut(view.document)
        for what, mutant in _mutants(whole, words):
            assert not VALIDATORS[kind].is_valid(mutant), what
        tried |= {".".join(step for step in path if isinstance(step, str)) for path, _ in _members(whole)}
    assert set(words) <= tried
