"""Plans, what became of them, and the journal, as documents and as text."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from podid.domain.errors import PodidError
from podid.domain.plan import Action, ChangeResult, Done, Header, Plan, State, Status, Verb
from podid.domain.text import count_of
from podid.ops.change.kinds import kind_of
from podid.ops.change.records import Run, RunStatus
from podid.ops.change.settle import Settled
from podid.render.owed import owed_bodies, owed_lines
from podid.render.status import change_lines, status_body
from podid.render.view import Column, Line, Table, View, age, columns, document

if TYPE_CHECKING:
    from podid.render.documents import changes as documents

S = TypeVar("S")

_STYLES = {Verb.CREATE: "good", Verb.DELETE: "bad", Verb.UPDATE: "warn", Verb.RESTART: "warn"}
_SIGN = {Verb.CREATE: "+", Verb.DELETE: "-", Verb.UPDATE: "~", Verb.RESTART: "*", Verb.NONE: "="}


def header_line(header: Header) -> str:
    """Every plan is headed by who would do it, and where."""
    where = f", cluster {header.cluster}" if header.cluster else ""
    return f"as {header.caller_arn} in account {header.account}, {header.region}{where}"


def plan_lines(plan: Plan, *, brief: bool = False) -> list[str | Line]:
    """What a person reads before saying yes. `brief` says of a new policy how much there is of it."""
    lines: list[str | Line] = [f"Plan {header_line(plan.header)}"]
    lines += [line for action in plan.actions for line in _action_lines(action, brief=brief)]
    if not plan.actions:
        lines.append("  nothing to change")
    lines += [f"  = {subject(action)} needs no change" for action in plan.unchanged if action.after is not None]
    lines += [f"  = {subject(action)} does not exist" for action in plan.unchanged if action.after is None]
    lines += [f"  {line}" for line in skipped_lines(plan)]
    lines += [f"  note: {note}" for note in plan.notes]
    if plan.outlook is not None:
        from podid.render.outlook import outlook_lines

        lines += outlook_lines(plan.outlook)
    return lines


def skipped_lines(plan: Plan) -> list[str]:
    """What is left alone, and why."""
    return [f"skipped: {subject(item.action)}, {item.reason}" for item in plan.skipped]


def _action_lines(action: Action, *, brief: bool) -> list[str | Line]:
    head = f"  {_SIGN[action.verb]} {action.verb} {subject(action)}"
    upto = len(head)
    if action.note:
        head += f"  ({action.note})"
    return [
        Line(head, _STYLES.get(action.verb, ""), upto),
        *(f"      {line}" for line in _difference(action, brief=brief)),
    ]


def subject(action: Action) -> str:
    """The resource in a sentence: `role shop-orders`, `Deployment shop/orders`."""
    return kind_of(action.kind).subject(action)


def _difference(action: Action, *, brief: bool = False) -> list[str]:
    """The members that change, one line each; documents as indented JSON."""
    before, after = action.before or {}, action.after or {}
    lines, manner = [], kind_of(action.kind).manner
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if key in action.keys or old == new or (action.verb is not Verb.DELETE and _empty(old) and _empty(new)):
            continue
        if action.verb is Verb.CREATE:
            lines += _member(key, new, brief=brief)
        elif action.verb is Verb.DELETE:
            if not _empty(old) and not isinstance(old, Mapping):
                lines += _member(key, old)
        elif isinstance(old, Mapping) and isinstance(new, Mapping):
            lines += [f"{key}:", *(f"  {line}" for line in _json_diff(old, new))]
        elif key in manner:  # said of the change: nothing has it before
            lines += _member(key, new)
        else:
            lines.append(f"{key}: {_short(old)} -> {_short(new)}")
    return lines


def _member(key: str, value: object, *, brief: bool = False) -> list[str]:
    if isinstance(value, Mapping) and value and key in ("trustPolicy", "policyDocument"):
        if brief:
            statements = value.get("Statement")
            count = len(statements) if isinstance(statements, list) else 1
            return [f"{key}: {count_of(count, 'statement')} (-v or --dry-run shows the document)"]
        return [f"{key}:", *(f"  {line}" for line in json.dumps(value, indent=2).splitlines())]
    return [f"{key}: {_short(value)}"]


def _json_diff(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    import difflib

    left, right = (json.dumps(value, indent=2).splitlines() for value in (old, new))
    return [line for line in difflib.unified_diff(left, right, lineterm="", n=2) if not line.startswith(("---", "+++"))]


def _short(value: object) -> str:
    if value is False:
        return "false"
    return value if isinstance(value, str) and value else "none" if _empty(value) else json.dumps(value)


def _empty(value: object) -> bool:
    return value is None or value == "" or value == {} or value is False


def action_body(
    action: Action, status: S, after: State | None, reason: str = "", id: str = ""
) -> documents.ActionBody[S]:
    body: documents.ActionBody[S] = {
        "kind": action.kind,
        "verb": action.verb,
        "target": action.target,
        "status": status,
        "before": action.before,
        "after": after,
    }
    if reason:
        body["reason"] = reason
    if id:
        body["id"] = id
    return body


def _header_body(header: Header) -> documents.HeaderBody:
    return {
        "callerArn": header.caller_arn,
        "account": header.account,
        "region": header.region,
        "cluster": header.cluster or None,
    }


def plan_view(plan: Plan) -> View:
    """What --dry-run shows: the object that would be carried out."""
    from podid.render.outlook import outlook_members

    actions: list[documents.ActionBody[documents.PlannedStatus]] = [
        action_body(item, "planned", item.after) for item in plan.actions
    ]
    actions += [action_body(item, Status.UNCHANGED, item.after) for item in plan.unchanged]
    actions += [action_body(item.action, Status.SKIPPED, None, item.reason) for item in plan.skipped]
    body: documents.PlanDocument = {
        "kind": "Plan",
        **_header_body(plan.header),
        "actions": actions,
        "targetRoles": owed_bodies(plan.owed),
        "notes": plan.notes,
        **outlook_members(plan.outlook),
    }
    names = tuple(action.target for action in plan.actions)
    return View(document(body), (_action_table(actions),), names, (*plan_lines(plan), *owed_lines(plan.owed)))


def _action_table(actions: Sequence[documents.ActionBody[S]]) -> Table:
    rows = tuple(
        (item["kind"], item["verb"], item["target"], str(item["status"]), item.get("reason", "-")) for item in actions
    )
    return Table(columns("KIND", "VERB", "TARGET", "STATUS", "REASON"), rows)


def _after_lines(result: ChangeResult) -> list[str | Line]:
    """What a change came to: new pods first, then running ones; of many service accounts only those that are not in
    order."""
    lines: list[str | Line] = []
    if result.awaited is not None:
        mark, style = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "warn")}[result.awaited.reached]
        lines.append(Line(f"{mark} {result.awaited.summary}", style, upto=1))
    lines += change_lines(result.after)
    if result.unchecked:
        lines.append(Line(result.unchecked, "warn"))
    return lines


def result_view(result: ChangeResult, *, settled: Settled | None = None, nothing: str = "nothing to change") -> View:
    """What a change did: a line for each action on a terminal and in a log, everything in JSON."""
    done = (
        *result.done,
        *(Done(action, Status.UNCHANGED, action.after) for action in result.plan.unchanged),
        *(Done(item.action, Status.SKIPPED, reason=item.reason) for item in result.plan.skipped),
    )
    actions = [action_body(item.action, item.status, _after(item), item.reason, _mode(item)) for item in done]
    body: documents.ResultDocument = {
        "kind": "Result",
        **_header_body(result.plan.header),
        "runId": result.run_id or None,
        "actions": actions,
        "after": [status_body(status) for status in result.after],
        "awaited": {"summary": result.awaited.summary, "reached": result.awaited.reached} if result.awaited else None,
        "unchecked": result.unchecked or None,
        "targetRoles": owed_bodies(result.owed),
        "notes": [*result.plan.notes, *result.notes],
        "settled": settled_bodies(settled),
    }
    lines: list[str | Line] = [_done_line(item) for item in done]
    lines += _after_lines(result)
    lines += owed_lines(result.owed)
    names = tuple(item.action.target for item in done if item.status is not Status.SKIPPED)
    return View(document(body), (_action_table(actions),), names, tuple(lines or [nothing]))


def settled_bodies(settled: Settled | None) -> list[documents.SettledBody]:
    """What became of changes that earlier runs were cut short in, as a result and an error carry it."""
    return [] if settled is None else [_settled_body(*item) for item in settled.items]


def _settled_body(run: Run, action: Action, found: Done | PodidError) -> documents.SettledBody:
    done = found if isinstance(found, Done) else None
    return {
        "runId": run.run_id,
        "kind": action.kind,
        "verb": action.verb,
        "target": action.target,
        "status": "open" if done is None else done.status,
        "reason": found.reason if isinstance(found, Done) else found.what,
    }


def _after(item: Done) -> State | None:
    return item.after if item.status in (Status.DONE, Status.UNCHANGED) else item.action.before


_DONE = {
    Verb.CREATE: "created",
    Verb.UPDATE: "updated",
    Verb.DELETE: "deleted",
    Verb.RESTART: "restarted",
    Verb.NONE: "unchanged",
}


def _done_line(item: Done) -> Line:
    action = item.action
    if item.status is Status.DONE:
        words = _DONE[action.verb]
    elif item.status is Status.UNCHANGED:
        words = "unchanged" if action.after is not None else "did not exist"
    else:
        mode = _mode(item)
        words = f"{item.status}: {item.reason}{_instead(item)}" + (f"; podid explain {mode}" if mode else "")
    style = "bad" if item.status in (Status.FAILED, Status.BLOCKED) else ""
    return Line(f"{subject(action)}{_detail(item)}: {words}", style)


def _instead(item: Done) -> str:
    """What to run in place of a restart that podid does not do."""
    hint = item.error.hint if item.error is not None and item.action.verb is Verb.RESTART else ()
    return f"; {shlex.join(hint)}" if item.status is Status.BLOCKED and isinstance(hint, tuple) and hint else ""


def _mode(item: Done) -> str:
    return item.error.id if item.error is not None else ""


def _detail(item: Done) -> str:
    state = item.after if item.after is not None else item.action.after
    return "" if state is None else kind_of(item.action.kind).detail(state)


# --- the journal ---------------------------------------------------------------------------------------------------


def run_body(run: Run) -> documents.RunBody:
    steps: list[documents.ActionBody[documents.RecordedStatus]] = [
        action_body(step.action, step.status or "open", step.after, step.reason) for step in run.steps
    ]
    steps += [action_body(action, "planned", action.after) for action in run.untried]
    return {
        "runId": run.run_id,
        "command": run.command,
        "startedAt": run.started_at,
        "status": run.status,
        **_header_body(run.header),
        "undoes": run.undoes or None,
        "actions": steps,
    }


def history_view(runs: Sequence[Run], now: datetime, *, detail: bool, short: bool) -> View:
    """All runs as a table; one run (`detail`) with its actions. `short` names a run for a person by the end of its id,
    where only one has it."""
    body: documents.HistoryDocument = {"kind": "History", "items": [run_body(run) for run in runs]}
    names = tuple(run.run_id for run in runs)
    if detail and len(runs) == 1:
        return View(document(body), (_action_table(body["items"][0]["actions"]),), names, tuple(_run_lines(runs[0])))
    columns = (
        Column("RUN"),
        Column("STARTED", wide=not short, folds=1),
        Column("STATUS"),
        Column("CHANGES", right=True, folds=2),
        Column("CLUSTER", folds=3),
        Column("COMMAND", prose=True),
        Column("ACCOUNT", wide=True),
        Column("REGION", wide=True),
        Column("CALLER", wide=True),
    )
    rows = tuple(
        (
            _short_id(run, runs) if short else run.run_id,
            _ago(run.started_at, now) if short else run.started_at,
            _STATUS_WORDS.get(run.status, run.status) + (" (undo)" if run.undoes else ""),
            str(sum(step.status is Status.DONE for step in run.steps)),
            run.header.cluster or "-",
            shlex.join(("podid", *run.command)),
            run.header.account,
            run.header.region,
            run.header.caller_arn,
        )
        for run in runs
    )
    styles = {(number, 2): _RUN_STYLES.get(run.status, "") for number, run in enumerate(runs)}
    return View(document(body), (Table(columns, rows, styles, empty="no changes yet"),), names)


_RUN_STYLES = {
    RunStatus.DONE: "good",
    RunStatus.FAILED: "bad",
    RunStatus.EMPTY: "dim",
    **dict.fromkeys((RunStatus.PARTIAL, RunStatus.INTERRUPTED, RunStatus.WRITTEN), "warn"),
}
_STATUS_WORDS = {RunStatus.WRITTEN: "written, effect not seen"}


def _short_id(run: Run, runs: Sequence[Run]) -> str:
    end = run.run_id.rpartition("-")[2]
    return end if sum(other.run_id.endswith(end) for other in runs) == 1 else run.run_id


def _ago(text: str, now: datetime) -> str:
    try:
        return f"{age(datetime.fromisoformat(text), now)} ago"
    except (ValueError, TypeError):
        return text


def _run_lines(run: Run) -> list[str]:
    lines = [
        f"{run.run_id}  {_STATUS_WORDS.get(run.status, run.status)}  {shlex.join(('podid', *run.command))}",
        f"  {header_line(run.header)}",
    ]
    if run.undoes:
        lines.append(f"  undoes {run.undoes}")
    for step in run.steps:
        reason = f" ({step.reason})" if step.reason else ""
        lines.append(f"  {step.number + 1}. {step.action.verb} {subject(step.action)}: {step.status or 'open'}{reason}")
    lines += [f"  -  {action.verb} {subject(action)}: not tried" for action in run.untried]
    return lines
