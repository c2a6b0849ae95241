"""Plans of files as lines, documents and a unified diff; validated files; rounds and manifests of podid reconcile."""

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

from podid.domain.encoding import JsonObject, plain
from podid.domain.errors import ExitCode
from podid.domain.fileplan import FilePlan
from podid.domain.incomplete import NotRead
from podid.domain.members import About, Document
from podid.domain.names import Arn
from podid.domain.permissions import Permissions
from podid.domain.plan import Action, Verb
from podid.domain.text import count_of, short_list, utc
from podid.ops.declare.files import ValidatedFile, ValidatedFiles
from podid.ops.declare.manifests import Setting, reconciling
from podid.ops.declare.reconcile import Reconciliation, RoundState
from podid.render.changes import FilePlanDocument, header_line, plan_lines
from podid.render.formats import to_json, to_yaml
from podid.render.multicluster import results_view
from podid.render.outlook import outlook_gaps
from podid.render.permissions import GrantedPolicy, manifests_of, policy_of, yaml_lines
from podid.render.view import NOTHING, Column, Line, Table, View, columns, document, table_of

# associations that the file does not declare: the maximum on a terminal
_LISTED = 10
# reasons in the line of a round
_REASONS = 5


def file_plan_lines(item: FilePlan) -> list[str | Line]:
    """Return the plan as text: the changes, then the conflicts, then the unchanged resources."""
    lines = plan_lines(item.plan, brief=True)
    if not item.plan.actions:
        # in place of the line "nothing to change" below the header: a conflict may need a change
        lines[1] = "  no changes"
    lines += conflict_lines(item)
    if item.unchanged:
        lines.append(f"  = {count_of(item.unchanged, 'resource')} as declared")
    if item.only_in_cluster:
        lines.append(f"  only in the cluster: {count_of(len(item.only_in_cluster), 'association')}")
        for unlisted in item.only_in_cluster[:_LISTED]:
            owner = f" (owner: {unlisted.owner})" if unlisted.owner else ""
            lines.append(f"      {unlisted.ref}{owner}")
        if len(item.only_in_cluster) > _LISTED:
            lines.append(f"      and {len(item.only_in_cluster) - _LISTED} more; -o json lists them all")
    return lines


def conflict_lines(item: FilePlan) -> Iterator[str | Line]:
    """Yield the conflicts with their differences, and the parts that could not be read."""
    for conflict in item.conflicts:
        yield Line(f"  ! {conflict.sentence}", "bad")
        yield from (f"      {line}" for line in conflict.lines)
    yield from (Line(f"  ! {refused.sentence}", "warn") for refused in item.refused)
    yield from (Line(f"  ? {_gap_words(part)}", "warn") for part in item.unread)


def file_plan_view(item: FilePlan) -> View:
    rows = []
    for action in item.plan.actions:
        status = "pruned" if (action.kind, action.target) in item.pruned_keys else "planned"
        rows.append((action.kind, str(action.verb), action.target, status, NOTHING))
    rows += [(conflict.kind, NOTHING, conflict.target, "conflict", conflict.message) for conflict in item.conflicts]
    rows += [(NOTHING, NOTHING, str(refused.ref), "refused", refused.reason) for refused in item.refused]
    rows += [(NOTHING, NOTHING, unread.target, "not read", unread.reason) for unread in item.unread]
    table = Table(columns("KIND", "VERB", "TARGET", "STATUS", "REASON"), tuple(rows))
    names = tuple(action.target for action in item.plan.actions)
    gaps = (_gap_words(part) for part in item.unread)
    unread = (*item.plan.notes, *gaps, *outlook_gaps(item.plan.outlook))
    return View(document(FilePlanDocument, item), (table,), names, tuple(file_plan_lines(item)), unread=unread)


def _gap_words(part: NotRead) -> str:
    requires = f" (requires {part.permission})" if part.permission else ""
    return f"{part.target} could not be read: {part.reason}{requires}"


def file_plans_view(items: Sequence[FilePlan]) -> View:
    views = [file_plan_view(item) for item in items]
    return views[0] if len(views) == 1 else results_view(views, ())


def diff_view(items: Sequence[FilePlan]) -> View:
    """Return a unified diff of live states against planned ones; its text is empty without a difference, as that of
    kubectl diff."""
    view = file_plans_view(items)
    lines: list[str | Line] = []
    for item in items:
        if len(items) > 1:
            lines.append(f"As {header_line(item.plan.header)}")
        for action in item.plan.actions:
            lines += _diff(action)
    equal = all(item.exit_code is ExitCode.OK for item in items)
    nothing = "no differences" if equal else "podid apply would change nothing"
    silent = "" if any(item.plan.actions for item in items) else nothing
    notes: list[str | Line] = [line for item in items for line in conflict_lines(item)]
    # the diff has no notes
    notes += [f"note: {note}" for item in items for note in item.plan.notes]
    return replace(view, lines=tuple(lines), notes=tuple(notes), unread=(), silent=silent)


_STYLES = {"+": "good", "-": "bad"}


def _diff(action: Action) -> Iterator[Line]:
    before, after = _yaml(action, action.before), _yaml(action, action.after)
    name = f"{action.kind}/{action.target}"
    left = "/dev/null" if action.verb is Verb.CREATE else f"live/{name}"
    right = "/dev/null" if action.verb is Verb.DELETE else f"file/{name}"
    for text in difflib.unified_diff(before, after, left, right, lineterm=""):
        yield Line(text, "" if text.startswith(("+++", "---")) else _STYLES.get(text[:1], ""))


def _yaml(action: Action, state: object) -> list[str]:
    if state is None:
        return []
    import yaml

    data = plain(state)
    if isinstance(data, dict) and action.before and action.after:
        # the same members in the same order on both sides of an update, so that the diff shows only differences
        data = {key: data.get(key) for key in dict.fromkeys((*action.before, *action.after))}
    text: str = yaml.safe_dump(data, sort_keys=False, width=1000, allow_unicode=True)
    return text.splitlines()


def validation_view(files: ValidatedFiles) -> View:
    """Return a row for each mistake, and one for each valid file."""
    rows = [
        (_file(item), "valid" if item.valid else "mistake", text)
        for item in files.items
        for text in item.mistakes or (_names(item),)
    ]
    table = table_of(
        rows,
        ("FILE", lambda row: row[0]),
        ("STATE", lambda row: row[1]),
        (Column("DETAIL", prose=True), lambda row: row[2]),
    )
    names = tuple(item.file for item in files.items if not item.valid)
    return View(document(ValidatedFiles, files), (table,), names, tuple(_lines(files)))


def _lines(files: ValidatedFiles) -> Iterator[str | Line]:
    for item in files.items:
        if item.valid:
            yield Line(f"✓ {_file(item)}  {_names(item)}", "good")
        # each begins with the name of its file
        yield from (Line(f"✗ {mistake}", "bad", hang=2) for mistake in item.mistakes)


def _file(item: ValidatedFile) -> str:
    return "standard input" if item.file == "-" else item.file


def _names(item: ValidatedFile) -> str:
    if not item.declarations:
        return "a guard"
    return f"{count_of(len(item.declarations), 'declaration')}: {', '.join(item.declarations)}"


_ROUND_STYLES = {
    RoundState.IN_SYNC: "good",
    RoundState.APPLIED: "good",
    RoundState.DRIFT: "warn",
    RoundState.PARTIAL: "warn",
    RoundState.FAILED: "bad",
    RoundState.STANDBY: "dim",
}


def round_view(done: Reconciliation) -> View:
    table = table_of(
        (done,),
        ("AT", lambda item: utc(item.at)),
        ("STATE", "state"),
        ("CHANGES", "changes"),
        ("UNCHANGED", "unchanged"),
        ("CONFLICTS", "conflicts"),
        ("NOT READ", "not_read"),
        ("REFUSED", "refused"),
        (Column("DRIFT", prose=True), lambda item: "; ".join(drifted.words for drifted in item.drift) or NOTHING),
        ("ERROR", "error"),
    )
    words = f"{utc(done.at)}  {done.state:<8}  {_round_words(done)}".rstrip()
    upto = len(utc(done.at)) + 2 + len(done.state)
    line, unread = Line(words, _ROUND_STYLES[done.state], upto=upto), (done.error,) if done.error else ()
    return View(document(Reconciliation, done), (table,), (done.state,), (line,), unread=unread)


def _round_words(done: Reconciliation) -> str:
    if done.state is RoundState.STANDBY:
        return "another process holds the Lease"
    if done.state is RoundState.FAILED:
        return done.error
    counts = (
        (done.changes, "change" if done.state is RoundState.APPLIED else "pending change"),
        (done.conflicts, "conflict"),
        (done.not_read, "unread resource"),
        (done.refused, "refused service account"),
    )
    parts = [count_of(number, noun) for number, noun in counts if number]
    counted = ", ".join((*parts, f"{done.unchanged} unchanged"))
    drifted = short_list(item.words for item in done.drift)
    reasons = done.reasons or (done.error,)
    more = f"{len(reasons) - _REASONS} more; -v prints them" if len(reasons) > _REASONS else ""
    details = "; ".join(filter(None, (drifted, *reasons[:_REASONS], more)))
    return f"{counted}: {details}" if details else counted


class ReconcileManifestsDocument(Document, kind="ReconcileManifests"):
    """`podid reconcile --manifests`."""

    iam_policy: Annotated[GrantedPolicy, About("The IAM policy of the service account's role.")]
    manifests: Annotated[Sequence[JsonObject], About("For kubectl apply.")]


def manifests_view(setting: Setting, granted: Permissions, lease: Permissions, interval: float) -> View:
    """Return the manifests with the permissions. The IAM policy is a comment at the head."""
    policy = policy_of(granted | lease)
    objects = [
        *reconciling(setting, interval),
        *access_of(setting, granted),
        *access_of(setting, lease, setting.namespace),
    ]
    # YAML would write an object that is used twice as an alias
    objects = json.loads(json.dumps(objects))
    arn = Arn.parse(setting.cluster_arn)
    lines = [
        "# The role of the service account needs this IAM policy, an association, and an access entry:",
        f"#   podid role create {setting.name} --for {setting.namespace}/{setting.name} --policy-file iam-policy.json "
        f"--cluster {arn}",
        f"#   podid associate {setting.namespace}/{setting.name} --role {setting.name} --cluster {arn}",
        f"#   aws eks create-access-entry --region {arn.region} --cluster-name {arn.resource_name} "
        f"--principal-arn ROLE_ARN --kubernetes-groups {setting.group}",
        *(f"# {line}" for line in to_json(policy).splitlines()),
        *yaml_lines(objects),
    ]
    body = document(ReconcileManifestsDocument, None, iam_policy=policy, manifests=objects)
    return View(body, lines=tuple(lines), names=(setting.name,), exact=True)


def access_of(setting: Setting, permissions: Permissions, namespace: str = "") -> Iterator[JsonObject]:
    """Yield the roles of the permissions and their bindings to the group of the access entry: in the namespace, or in
    the whole cluster without one, since files may declare any namespace."""
    kind = "Role" if namespace else "ClusterRole"
    for number, role in enumerate(manifests_of(permissions, setting.name)):
        metadata = {"name": f"{setting.name}-{number + 1}" if number else setting.name}
        metadata |= {"namespace": namespace} if namespace else {}
        yield {**role, "kind": kind, "metadata": metadata}
        yield {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": metadata["name"]},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": setting.group}],
        }


def files_of(view: View) -> Iterator[tuple[str, str]]:
    """Return names and texts of the files of --write."""
    objects: Any = view.document["manifests"]
    yield "manifests.yaml", "---\n".join(map(to_yaml, objects))
    yield "iam-policy.json", to_json(view.document["iamPolicy"])
