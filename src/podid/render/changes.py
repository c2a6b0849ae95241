"""Plans and their results, as documents and as text."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from podid.domain.dependents import AcceptedUnread
from podid.domain.fileplan import FilePlan
from podid.domain.iam import DEFAULT_SESSION_SECONDS
from podid.domain.incomplete import NotRead, RefusedAccount
from podid.domain.members import (
    FLAT,
    OPTIONAL,
    OR_NULL,
    About,
    Argv,
    ArnText,
    Document,
    From,
    Names,
    PolicyObject,
    schema_name,
)
from podid.domain.owners import MANAGED_BY
from podid.domain.plan import Action, Awaited, ChangeResult, Done, Header, Plan, State, Status, TargetTrustChange, Verb
from podid.domain.text import count_of
from podid.domain.trust import TrustVerdict
from podid.ops.change.kinds import kind_of
from podid.ops.change.propagation import awaited_in
from podid.ops.change.settle import Settled
from podid.ops.role.target import owner_change_words
from podid.render.errors import RecordedStatus, SettledBody
from podid.render.marks import ANSWERS, marked
from podid.render.outlook import OutlookBody, outlook_gaps, outlook_lines
from podid.render.status import IdentityStatusBody, change_lines, gap_sentences
from podid.render.view import NOTHING, Line, Table, View, columns, document

# sign, style and participle
_VERBS = {
    Verb.CREATE: ("+", "good", "created"),
    Verb.UPDATE: ("~", "warn", "updated"),
    Verb.DELETE: ("-", "bad", "deleted"),
    Verb.RESTART: ("*", "warn", "restarted"),
    Verb.NONE: ("=", "", "unchanged"),
}


def header_line(header: Header) -> str:
    """Return the caller, account, region and cluster, which head every plan."""
    where = f", cluster {header.cluster}" if header.cluster else ""
    return f"{header.caller_arn} in account {header.account}, {header.region}{where}"


def plan_lines(plan: Plan, *, brief: bool = False) -> list[str | Line]:
    """Return the plan as text before the confirmation. `brief` counts the statements of a new policy."""
    lines: list[str | Line] = [f"Plan as {header_line(plan.header)}"]
    lines += [line for action in plan.actions for line in _action_lines(action, brief=brief)]
    if not plan.actions:
        lines.append("  nothing to change")
    lines += [f"  = {subject(action)} needs no change" for action in plan.unchanged if action.after is not None]
    lines += [f"  = {subject(action)} does not exist" for action in plan.unchanged if action.after is None]
    lines += [f"  {line}" for line in skipped_lines(plan)]
    lines += [f"  note: {note}" for note in plan.notes]
    if plan.outlook is not None:
        lines += outlook_lines(plan.outlook)
    return lines


def skipped_lines(plan: Plan) -> list[str]:
    return [f"skipped: {subject(item.action)}, {item.reason}" for item in plan.skipped]


def _action_lines(action: Action, *, brief: bool) -> list[str | Line]:
    sign, style, _ = _VERBS[action.verb]
    head = f"  {sign} {action.verb} {subject(action)}"
    if action.verb in (Verb.CREATE, Verb.DELETE):
        head += kind_of(action.kind).detail(action.after or action.before or {})
    upto = len(head)
    if action.note:
        head += f"  ({action.note})"
    return [
        Line(head, style, upto),
        *(replace(line, text=f"      {line.text}") for line in _difference(action, brief=brief)),
    ]


def subject(action: Action) -> str:
    """Return the resource as a sentence names it: `role shop-orders`, `Deployment shop/orders`."""
    return kind_of(action.kind).subject(action)


def _difference(action: Action, *, brief: bool = False, done: bool = False) -> list[Line]:
    """Return the members that change, one line each; documents as indented JSON. A terminal omits a member that the
    line of the action names, or that has its default. A change that is done has no new documents."""
    before, after = action.before or {}, action.after or {}
    lines: list[Line] = []
    named = kind_of(action.kind).detail(after or before)
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if key in action.keys or old == new or (action.verb is not Verb.DELETE and _empty(old) and _empty(new)):
            continue
        if done and action.verb is Verb.CREATE and key in _DOCUMENTS:
            continue
        usual = action.verb is not Verb.UPDATE and (_usual(key, new or old, action.target) or f" {new or old}" in named)
        texts = _texts(action, key, old, new, brief=brief)
        lines += [Line(text, only="full" if usual else "") for text in texts]
    return lines


def _texts(action: Action, key: str, old: object, new: object, *, brief: bool) -> list[str]:
    if action.verb is Verb.CREATE:
        return _member(key, new, brief=brief)
    if action.verb is Verb.DELETE:
        return [] if _empty(old) or isinstance(old, Mapping) else _member(key, old)
    if key == "tags" and isinstance(old, Mapping) and isinstance(new, Mapping):
        names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        return [f"tags.{name}: {_short(old.get(name))} -> {_short(new.get(name))}" for name in names]
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        import difflib

        left, right = (json.dumps(value, indent=2).splitlines() for value in (old, new))
        diff = difflib.unified_diff(left, right, lineterm="", n=2)
        return [f"{key}:", *(f"  {line}" for line in diff if not line.startswith(("---", "+++")))]
    if key in kind_of(action.kind).manner:  # about the change itself: no earlier value
        return _member(key, new)
    return [f"{key}: {_short(old)} -> {_short(new)}"]


def _member(key: str, value: object, *, brief: bool = False) -> list[str]:
    if isinstance(value, Mapping) and value and key in _DOCUMENTS:
        if brief:
            statements = value.get("Statement")
            count = len(statements) if isinstance(statements, list) else 1
            return [f"{key}: {count_of(count, 'statement')} (-v or --dry-run shows the document)"]
        return [f"{key}:", *(f"  {line}" for line in json.dumps(value, indent=2).splitlines())]
    return [f"{key}: {_short(value)}"]


_DOCUMENTS = ("trustPolicy", "policyDocument")
_DEFAULTS = {
    "path": "/",
    "maxSessionDuration": DEFAULT_SESSION_SECONDS,
    "resolveConflicts": "NONE",
    "tags": MANAGED_BY,
}


def _usual(key: str, value: object, name: str) -> bool:
    """Return whether a member of a created or deleted object is a default, a generated id, or the ARN of the object,
    which the line of the action names."""
    return key.endswith("Id") or value == _DEFAULTS.get(key, key) or str(value).endswith(f":role/{name}")


def _short(value: object) -> str:
    if value is False:
        return "false"
    return value if isinstance(value, str) and value else "none" if _empty(value) else json.dumps(value)


def _empty(value: object) -> bool:
    return value is None or value == "" or value == {} or value is False


@dataclass(frozen=True, slots=True)
class ActionRow:
    """An action with its planned or actual outcome; `id` is the failure mode that blocked it."""

    action: Action
    status: str
    after: State | None
    reason: str = ""
    id: str = ""


def action_table(rows: Iterable[ActionRow]) -> Table:
    cells = ((row.action.kind, row.action.verb, row.action.target, row.status, row.reason or NOTHING) for row in rows)
    return Table(columns("KIND", "VERB", "TARGET", "STATUS", "REASON"), tuple(cells))


def plan_view(plan: Plan) -> View:
    """Return the plan as --dry-run shows it."""
    actions = [ActionRow(item, "planned", item.after) for item in plan.actions]
    actions += [ActionRow(item, Status.UNCHANGED, item.after) for item in plan.unchanged]
    actions += [ActionRow(item.action, Status.SKIPPED, None, item.reason, item.id) for item in plan.skipped]
    lines = (*plan_lines(plan), *owner_change_lines(plan.owner_changes))
    names = tuple(action.target for action in plan.actions)
    unread = (*plan.notes, *outlook_gaps(plan.outlook))
    return View(document(PlanDocument, plan, actions=actions), (action_table(actions),), names, lines, unread=unread)


def owner_change_lines(owner_changes: Iterable[TargetTrustChange]) -> Iterator[str | Line]:
    """Yield the changes for the owners of target roles; without them pods cannot assume the target role."""
    for item in owner_changes:
        yield Line(owner_change_words(item), "bad" if item.refused else "warn")
        if item.command:
            yield f"  {shlex.join(item.command)}"


def _after_lines(result: ChangeResult) -> Iterator[str | Line]:
    """Yield the status after a change: new pods, then running ones; of many identities only those with problems."""
    if result.awaited is not None:
        yield marked(ANSWERS[result.awaited.reached], result.awaited.summary)
    yield from change_lines(result.after)
    if result.unchecked:
        yield Line(result.unchecked, "warn")


def result_view(
    result: ChangeResult, *, settled: Settled | None = None, nothing: str = "nothing to change", whole: bool = False
) -> View:
    """Return the result of a change: a line for each action, then the status of each identity. With `whole` the lines
    contain those of the plan, because they replace them on the terminal."""
    done = (
        *result.done,
        *(Done(action, Status.UNCHANGED, action.after) for action in result.plan.unchanged),
        *(Done(item.action, Status.SKIPPED, reason=item.reason) for item in result.plan.skipped),
    )
    actions = []
    for item in done:
        as_planned = item.status in (Status.DONE, Status.UNCHANGED)
        after = item.after if as_planned or item.after is not None else item.action.before
        actions.append(ActionRow(item.action, item.status, after, item.reason, _mode(item)))
    body = document(
        ResultDocument,
        result,
        actions=actions,
        notes=(*result.plan.notes, *result.notes),
        settled=() if settled is None else settled.items,
    )
    lines: list[str | Line] = [f"As {header_line(result.plan.header)}"] if whole else []
    for item in done:
        lines.append(_done_line(item))
        if whole:
            lines += [
                replace(line, text=f"    {line.text}") for line in _difference(item.action, brief=True, done=True)
            ]
    lines += _after_lines(result)
    lines += owner_change_lines(result.owner_changes)
    lines += [f"note: {note}" for note in result.plan.notes] if whole else []
    names = tuple(item.action.target for item in done if item.status is not Status.SKIPPED)
    unread = (*((result.unchecked,) if result.unchecked else ()), *gap_sentences(result.after))
    return View(body, (action_table(actions),), names, tuple(lines or [nothing]), unread=unread)


_MARKS = {
    Status.DONE: ANSWERS[True],
    Status.UNCHANGED: ("=", ""),
    Status.SKIPPED: ("=", ""),
    **dict.fromkeys((Status.FAILED, Status.BLOCKED), ANSWERS[False]),
}


def _done_line(item: Done) -> Line:
    action = item.action
    if item.status is Status.DONE:
        _, _, words = _VERBS[action.verb]
    elif item.status is Status.UNCHANGED:
        words = "unchanged" if action.after is not None else "did not exist"
    else:
        mode = _mode(item)
        words = f"{item.status}: {item.reason}{_instead(item)}" + (f"; podid explain {mode}" if mode else "")
    mark, style = _MARKS[item.status]
    state = item.after if item.after is not None else action.after
    detail = "" if state is None else kind_of(action.kind).detail(state)
    return Line(f"{mark} {subject(action)}{detail}: {words}", style, upto=None if style == "bad" else 1)


def _instead(item: Done) -> str:
    """Return the command to run if podid does not restart the workload."""
    hint = item.error.hint if item.error is not None and item.action.verb is Verb.RESTART else ()
    return f"; {shlex.join(hint)}" if item.status is Status.BLOCKED and isinstance(hint, tuple) and hint else ""


def _mode(item: Done) -> str:
    return item.error.id if item.error is not None else ""


PlannedStatus = Literal["planned", Status.UNCHANGED, Status.SKIPPED]


class ActionBody(Document):
    # the schema has one shape for each kind, with the members of its states
    kind: Annotated[str, From("action.kind")]
    verb: Annotated[Verb, From("action.verb")]
    target: Annotated[str, From("action.target")]
    status: str
    before: Annotated[Mapping[str, object] | None, From("action.before")]
    after: Mapping[str, object] | None
    reason: Annotated[str, OR_NULL, OPTIONAL, About("The reason why it failed, was not tried or was skipped.")]
    id: Annotated[str, OR_NULL, OPTIONAL, About("The ID of the failure mode, for `podid explain`.")]


@schema_name("ActionBody_Literal__planned__UNCHANGED_SKIPPED__")
class PlannedActionBody(ActionBody):
    status: PlannedStatus


@schema_name("ActionBody_Status_")
class DoneActionBody(ActionBody):
    status: Status


@schema_name("ActionBody_Union_Status__Literal__open____planned____")
class RecordedActionBody(ActionBody):
    status: RecordedStatus


class TargetRoleBody(Document):
    role_arn: Annotated[ArnText, From("target_role_arn")]
    service_accounts: Annotated[Names, About("The service accounts whose pods must be able to assume the target role.")]
    verdict: Annotated[
        TrustVerdict,
        From(lambda owner_changes: TrustVerdict.NO_MATCH if owner_changes.refused else TrustVerdict.UNKNOWN),
        About("`no-match`: the trust policy of the target role does not allow them. `unknown`: not checked."),
    ]
    add_to_trust_policy: Annotated[
        Sequence[PolicyObject],
        From("statements"),
        About("Statements for its owner to add; empty if none would help."),
    ]
    external_id_of: Annotated[
        Names,
        From(lambda owner_changes: sorted(map(str, awaited_in(owner_changes.statements)))),
        About("Service accounts whose external ids EKS has not generated yet; statements have their names instead."),
    ]
    command: Annotated[Argv, OR_NULL, About("The command to run next.")]


class PlanDocument(Document, kind="Plan"):
    """Any changing command with `--dry-run`: its actions, and the status afterwards."""

    header: Annotated[Header, FLAT]
    actions: Annotated[Sequence[PlannedActionBody], About("In the order of execution.")]
    target_roles: Annotated[
        Sequence[TargetRoleBody],
        From("owner_changes"),
        About("Target roles whose owners must change the trust policy."),
    ]
    accepted_unread: Annotated[AcceptedUnread, From(lambda plan: plan.accepted or None)]
    notes: Names
    outlook: Annotated[OutlookBody, FLAT]


class FilePlanDocument(Document, kind="FilePlan"):
    """`podid plan`: the difference between files and one cluster."""

    plan: Annotated[FilePlan, FLAT, From("")]
    outlook: Annotated[OutlookBody, FLAT, From("plan.outlook")]


class ResultDocument(Document, kind="Result"):
    """Any changing command: its actions, and the status afterwards."""

    header: Annotated[Header, FLAT, From("plan.header")]
    run_id: Annotated[str, OR_NULL, About("The argument of `podid undo`; null if nothing was changed.")]
    actions: Annotated[Sequence[DoneActionBody], About("In the order of execution.")]
    after: Annotated[Sequence[IdentityStatusBody], About("The status of each identity that the change affects.")]
    awaited: Annotated[
        Awaited | None, About("The awaited effect: agents on nodes, or new pods that no longer get credentials.")
    ]
    unchecked: Annotated[str, OR_NULL, About("The reason why there is no status.")]
    target_roles: Annotated[
        Sequence[TargetRoleBody],
        From("owner_changes"),
        About("Target roles whose owners must still change the trust policy."),
    ]
    refused: Annotated[
        Sequence[RefusedAccount] | None,
        OPTIONAL,
        From(lambda result: result.refused or None),
        About("`podid apply`: service accounts whose annotations are ignored; omitted if there are none."),
    ]
    unread: Annotated[
        Sequence[NotRead] | None,
        OPTIONAL,
        From(lambda result: result.unread or None),
        About("`podid apply`: parts that could not be read; omitted if there are none."),
    ]
    accepted_unread: Annotated[AcceptedUnread, From(lambda result: result.plan.accepted or None)]
    notes: Names
    settled: Annotated[Sequence[SettledBody], About("The outcome of changes in which earlier runs were interrupted.")]
