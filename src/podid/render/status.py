"""The status of service accounts: a line for each, a line for each pod, and the document."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from podid.domain.evidence import Probed
from podid.domain.findings import Outcome, Verdict
from podid.domain.links import LINKS, link_words
from podid.domain.model import PLANNED_ID, Association
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.snapshot import Known, Section, known_or
from podid.domain.status import IdentityState, IdentityStatus, NotChecked, PodStatus
from podid.domain.words import count_of, short_list, utc
from podid.render.view import NOTHING, Column, Items, Line, Table, View, document, timestamp

if TYPE_CHECKING:
    from podid.ops.association.allowed import Allowed
    from podid.render.documents import status as documents

MARKS: Mapping[IdentityState | None, str] = {
    IdentityState.BROKEN: "✗",
    IdentityState.STALE: "↻",
    IdentityState.UNKNOWN: "?",
    IdentityState.DOUBTFUL: "!",
    IdentityState.CONFIGURED: "·",
    IdentityState.READY: "✓",
    IdentityState.VERIFIED: "✓",
    IdentityState.PROVEN: "✓",
    IdentityState.NONE: "-",
    None: "·",
}
STYLES: Mapping[IdentityState | None, str] = {
    IdentityState.BROKEN: "bad",
    IdentityState.STALE: "warn",
    IdentityState.UNKNOWN: "warn",
    IdentityState.DOUBTFUL: "warn",
    IdentityState.READY: "good",
    IdentityState.VERIFIED: "good",
    IdentityState.PROVEN: "good",
}
NOT_CHECKED = "not checked"


def state_word(state: IdentityState | None) -> str:
    return NOT_CHECKED if state is None else state.value.replace("-", " ")


def role_of(status: IdentityStatus) -> str:
    """The name of the role that pods get; empty where it could not be read."""
    return role_name(status.association.pods_role_arn) if isinstance(status.association, Association) else ""


def status_lines(statuses: Sequence[IdentityStatus], most_fine: int = 3) -> list[str | Line]:
    """A line for each identity, worst first; of those in order only the first few, and how many more there are."""
    ordered = worst_identities_first(statuses)
    fine = [status for status in ordered if _fine(status)]
    shown = [status for status in ordered if not _fine(status)] + fine[:most_fine]
    width = max((len(str(status.ref)) for status in shown), default=0)
    words = max((len(state_word(status.state)) for status in shown), default=0)
    lines: list[str | Line] = []
    for status in shown:
        head = f"{MARKS[status.state]} {status.ref!s:<{width}}  {state_word(status.state):<{words}}"
        lines.append(Line(f"{head}  {because(status)}".rstrip(), STYLES.get(status.state, "dim"), upto=len(head)))
    rest = Counter(state_word(status.state) for status in fine[most_fine:])
    return [*lines, *(f"  and {count} more {word}" for word, count in rest.items())]


def worst_identities_first(statuses: Sequence[IdentityStatus]) -> list[IdentityStatus]:
    return sorted(statuses, key=lambda status: (_rank(status.state), status.ref))


def counted(
    statuses: Sequence[IdentityStatus], of: Callable[[IdentityStatus], IdentityState | None] = lambda each: each.state
) -> str:
    """`3 identities: 1 ready, 1 stale, 1 broken`, best first."""
    found = Counter(map(of, statuses))
    ordered = sorted(found, key=_rank, reverse=True)
    words = ", ".join(f"{found[state]} {state_word(state)}" for state in ordered)
    total = f"{len(statuses)} {'identity' if len(statuses) == 1 else 'identities'}"
    return f"{total}: {words}" if len(statuses) > 1 else total


def because(status: IdentityStatus) -> str:
    """What follows the state: the cause with its link, an error of what the role may do, or role and pods."""
    if status.cause is not None:
        return f"{pods_share(status)}{link_of(status.cause)}"
    if status.permissions is not None:
        return link_of(status.permissions)
    parts = [f"role {role}"] if (role := role_of(status)) else []
    if status.pods is not None:
        parts.append(count_of(len(status.pods), "pod") if status.pods else "no pods")
    if status.opted_out:
        parts.append(f"{count_of(len(status.opted_out), 'pod')} opted out")
    return ", ".join(parts)


def pods_share(status: IdentityStatus) -> str:
    """`1 of 2 pods: `, where the cause is that of some of several pods only."""
    pods = status.pods or ()
    share = sum(pod.state is status.state for pod in pods)
    return f"{share} of {count_of(len(pods), 'pod')}: " if 0 < share < len(pods) else ""


def link_of(cause: Verdict) -> str:
    """`SDK: static-aws-keys-shadow`, and of an undecided link what it needs."""
    return f"{LINKS[cause.link]}: {why(cause)}"


def why(cause: Verdict) -> str:
    """The id of the check, and of one that lacks a right which one that is."""
    return f"needs {cause.permission}" if cause.outcome is Outcome.UNKNOWN and cause.permission else cause.check


def reason_of(cause: Verdict) -> str:
    if cause.outcome is not Outcome.UNKNOWN:
        return cause.message
    return f"needs {cause.permission}" if cause.permission else cause.reason or cause.message


def _rank(state: IdentityState | None) -> int:
    """One of which nothing can be claimed comes after those that are wrong."""
    return IdentityState.CONFIGURED.rank if state is None else state.rank


def _fine(status: IdentityStatus) -> bool:
    known_wrong = status.cause or status.permissions
    return _rank(status.state) >= IdentityState.CONFIGURED.rank and known_wrong is None


def verdict_lines(status: IdentityStatus) -> list[str | Line]:
    """The state of one identity with its cause and what mends it, then what else there is to know."""
    mark, cause = MARKS[status.state], status.cause
    head = f"{mark} {status.ref}  {state_word(status.state)}"
    style = STYLES.get(status.state, "dim")
    lines: list[str | Line]
    if cause is None or status.state is IdentityState.NONE:
        more = f"; {used}" if (used := _used(status)) and status.state is IdentityState.NONE else ""
        tail = f"  {because(status)}" if cause is None and status.state is not IdentityState.NONE else more
        lines = [Line(head + tail, style, upto=len(head))]
        lines += [f"  - {evidence}" for evidence in (cause.evidence if cause is not None else ())]
    else:
        lines = [Line(f"{head} at link {link_words(cause.link)}: {why(cause)}", style, upto=len(head))]
        lines.append(f"  {pods_share(status)}{cause.message}")
        lines += [f"  - {evidence}" for evidence in cause.evidence]
    lines += _mending(cause) if cause is not None else []
    if status.permissions is not None:
        found = status.permissions
        lines.append(Line(f"✗ permissions: {found.check}", "bad"))
        lines += [f"  {found.message}", *_mending(found)]
    lines += [Line(f"! {item.check}  {item.message}", "warn", upto=1) for item in status.advice]
    if status.opted_out:
        names = short_list(status.opted_out)
        lines.append(f"{count_of(len(status.opted_out), 'pod')} opted out of Pod Identity: {names}")
    return lines


def change_lines(statuses: Sequence[IdentityStatus]) -> list[str | Line]:
    """What a change came to: of one identity its new pods and its running ones, of several a line each."""
    if len(statuses) != 1:
        return status_lines(statuses)
    (status,) = statuses
    if status.state is IdentityState.NONE:
        return list(verdict_lines(status))
    new, pods = status.new_pod, status.pods or ()
    rows = [(new.state, "new pods", link_of(new.cause) if new.cause else role_words(status))]
    for state in dict.fromkeys(pod.state for pod in sorted(pods, key=lambda pod: _rank(pod.state))):
        same = [pod for pod in pods if pod.state is state]
        cause = same[0].cause
        count = f"{count_of(len(same), 'running pod')}"
        until = f"; previous role until {utc(same[0].stale_until)} at the latest" if same[0].stale_until else ""
        rows.append((state, count, (link_of(cause) if cause else "") + until))
    width = max(len(subject) for _, subject, _ in rows)
    words = max(len(state_word(state)) for state, _, _ in rows)
    lines: list[str | Line] = []
    for state, subject, reason in rows:
        head = f"{MARKS[state]} {subject:<{width}}  {state_word(state):<{words}}"
        lines.append(Line(f"{head}  {reason}".rstrip(), STYLES.get(state, "dim"), upto=len(head)))
    cause = new.cause or status.cause
    if cause is not None:
        lines += [f"  {cause.message}", *_mending(cause)]
    return lines


def role_words(status: IdentityStatus) -> str:
    return f"role {role}" if (role := role_of(status)) else ""


def _mending(cause: Verdict) -> list[str | Line]:
    commands = cause.fix.commands if cause.fix else ()
    return [*(f"  Fix   {shlex.join(command)}" for command in commands), f"  More  podid explain {cause.check}"]


def _used(status: IdentityStatus) -> str:
    """`2 pods use irsa`, of an identity without association."""
    found = Counter(pod.uses.uses for pod in status.pods or () if pod.uses is not None)
    return ", ".join(
        f"{count_of(count, 'pod')} {'uses' if count == 1 else 'use'} {use}" for use, count in found.items()
    )


def status_view(statuses: Sequence[IdentityStatus], *, single: bool, short: bool = False, where: str = "") -> View:
    """A row for each identity, worst first, or a line where it is to be `short`. An IdentityStatus where one service
    account was named (`single`), else an IdentityStatusList; there may be none `where` they were looked for."""
    ordered = worst_identities_first(statuses)
    rows = tuple(_row(status) for status in ordered)
    styles = {(number, 2): STYLES.get(status.state, "dim") for number, status in enumerate(ordered)}
    table = Table(_COLUMNS, rows, styles, empty=f"no pod identity associations in {where}")
    names = tuple(str(status.ref) for status in ordered)
    if single:
        (status,) = statuses
        one: documents.IdentityStatusDocument = {"kind": "IdentityStatus", **status_body(status)}
        return View(document(one), (table,), names, tuple(verdict_lines(status)) if short else ())
    several: documents.IdentityStatusListDocument = {
        "kind": "IdentityStatusList",
        "items": Items(statuses, status_body),
    }
    return View(document(several), (table,), names, tuple(status_lines(ordered, len(ordered))) if short else ())


_COLUMNS = (
    Column("NAMESPACE"),
    Column("SERVICE ACCOUNT"),
    Column("STATUS"),
    Column("ROLE", folds=2),
    Column("PODS", right=True),
    Column("REASON", prose=True, folds=1),
)


def _row(status: IdentityStatus) -> tuple[str, ...]:
    pods = NOTHING if status.pods is None else str(len(status.pods))
    share = pods_share(status).partition(" pod")[0] or pods
    cause, ref = status.cause or status.permissions, status.ref
    reason = link_of(cause) if cause is not None else NOTHING
    return (ref.namespace, ref.name, state_word(status.state), role_of(status) or NOTHING, share, reason)


def verify_view(
    statuses: Sequence[IdentityStatus],
    probes: Section[Mapping[str, Section[tuple[Probed, ...]]]],
    allowed: Mapping[ServiceAccountRef, tuple[Allowed, ...]],
    *,
    single: bool,
) -> View:
    """Each identity with a line for each of its pods. An IdentityStatus where one service account was named (`single`),
    else an IdentityStatusList."""
    met = known_or(probes, {})
    bodies: dict[ServiceAccountRef, documents.IdentityStatusBody] = {}
    lines: list[str | Line] = []
    for status in worst_identities_first(statuses):
        own, actions = met.get(str(status.ref)), allowed.get(status.ref, ())
        mine = own.value if isinstance(own, Known) else ()
        lines += [*([""] if lines else []), *verdict_lines(status), *_pod_rows(status), *_probe_rows(mine)]
        lines += [*_allowed_rows(actions), *_verified_lines(status)]
        bodies[status.ref] = {
            **status_body(status),
            "probes": list(map(_probe_body, mine)),
            "allowed": list(map(_allowed_body, actions)),
        }
    names = tuple(f"pod/{pod.namespace}/{pod.name}" for status in statuses for pod in status.pods or ())
    table = status_view(statuses, single=False).tables
    if single:
        (body,) = bodies.values()
        one: documents.IdentityStatusDocument = {"kind": "IdentityStatus", **body}
        return View(document(one), table, names, tuple(lines))
    several: documents.IdentityStatusListDocument = {
        "kind": "IdentityStatusList",
        "items": [bodies[status.ref] for status in statuses],
    }
    return View(document(several), table, names, (*lines, "", counted(statuses)))


# of one identity; -o json has all pods
MOST_ROWS = 20


def _pod_rows(status: IdentityStatus) -> list[str | Line]:
    pods = sorted(status.pods or (), key=lambda pod: (_rank(pod.state), pod.name))
    shown = pods[:MOST_ROWS]
    width = max((len(pod.name) for pod in shown), default=0)
    node = max((len(_node(pod.node)) for pod in shown), default=0)
    rows: list[str | Line] = []
    for pod in shown:
        head = f"  {MARKS[pod.state]} {pod.name:<{width}}  {_node(pod.node):<{node}}"
        rows.append(Line(f"{head}  {_pod_words(pod, status)}".rstrip(), STYLES.get(pod.state, "dim"), upto=3))
    return (
        rows if len(pods) == len(shown) else [*rows, f"  and {len(pods) - len(shown)} more pods; -o json has them all"]
    )


def _node(name: str) -> str:
    """`ip-10-0-0-10` of a node that EC2 named."""
    return name.partition(".")[0] if name.startswith("ip-") else name


def _pod_words(pod: PodStatus, status: IdentityStatus) -> str:
    if pod.cause is not None:
        until = f", previous role until {utc(pod.stale_until)}" if pod.stale_until is not None else ""
        return ("" if pod.cause == status.cause else link_of(pod.cause)) + until
    if pod.seen_at is not None:
        return f"session at {utc(pod.seen_at)}"
    if pod.token is None:
        return "no token redeemed"
    if pod.token_pod != f"{pod.namespace}/{pod.name}":
        return "same template"
    return f"until {utc(pod.token.expires_at)}" if pod.token.expires_at is not None else "token redeemed"


def _verified_lines(status: IdentityStatus) -> list[str | Line]:
    """What EKS Auth issued, and what was not checked."""
    pods = status.pods or ()
    redeemed = [pod.token for pod in pods if pod.token is not None]
    lines: list[str | Line] = []
    if redeemed:
        verb = "would issue" if status.state is IdentityState.BROKEN else "issues"
        share = f"{len(redeemed)} of {count_of(len(pods), 'pod')}"
        lines.append(f"EKS Auth {verb} role {role_name(redeemed[0].role_arn)} for {share}")
    missing = dict.fromkeys(_not_checked_words(item) for item in status.not_checked)
    if missing:
        lines.append(Line(f"Not checked: {'; '.join(missing)}", "dim"))
    return lines


def _not_checked_words(item: NotChecked) -> str:
    if item.permission:
        return f"{LINKS[item.link]} (needs {item.permission})"
    return f"{LINKS[item.link]}: {item.subject}" if item.subject else LINKS[item.link]


def _probe_rows(probes: Sequence[Probed]) -> list[str | Line]:
    rows: list[str | Line] = []
    for probe in probes:
        where = _node(probe.node) or "no node"
        if probe.redeemed is not None:
            rows.append(
                Line(f"  ✓ podid's own pod  {where}  role {role_name(probe.redeemed.role_arn)}", "good", upto=3)
            )
        elif probe.missing is not None:
            rows.append(Line(f"  ? podid's own pod  {where}  {probe.missing.reason}", "warn", upto=3))
        else:
            rows.append(Line(f"  ✗ podid's own pod  {where}  {probe.message}", "bad", upto=3))
    return rows


def _allowed_rows(found: Sequence[Allowed]) -> list[str | Line]:
    marks = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "warn")}
    rows: list[str | Line] = []
    for item in found:
        mark, style = marks[item.allowed]
        words = {True: "allowed", False: "denied", None: "unknown"}[item.allowed]
        why = f": {item.reason}" if item.reason else ""
        rows.append(Line(f"  {mark} {item.action} on {item.resource}  {words}{why}", style, upto=3))
    return rows


def _probe_body(probe: Probed) -> documents.ProbeBody:
    return {
        "job": probe.job,
        "node": probe.node or None,
        "roleArn": probe.redeemed.role_arn if probe.redeemed else None,
        "link": probe.link or None,
        "id": probe.id or None,
        "message": probe.message or probe.left or None,
        "unknown": probe.missing.reason if probe.missing else None,
    }


def _allowed_body(item: Allowed) -> documents.AllowedBody:
    return {
        "action": item.action,
        "resource": item.resource,
        "allowed": item.allowed,
        "reason": item.reason,
        "id": item.id or None,
        "permission": item.permission or None,
    }


# --- documents --------------------------------------------------------------------------------------------------------


def status_body(status: IdentityStatus) -> documents.IdentityStatusBody:
    """The status of one service account, without the kind of a document."""
    cause, association, permissions = status.cause, status.association, status.permissions
    return {
        "namespace": status.ref.namespace,
        "serviceAccount": status.ref.name,
        "associationId": association.association_id
        if association and association.association_id != PLANNED_ID
        else None,
        "roleArn": association.pods_role_arn if isinstance(association, Association) else None,
        "state": status.state,
        "id": cause.check if cause else None,
        "link": cause.link if cause else None,
        "reason": reason_of(cause) if cause else None,
        "permission": cause.permission or None if cause else None,
        "fix": cause.fix.commands if cause and cause.fix else (),
        "newPod": pod_body(status.new_pod),
        "pods": None if status.pods is None else [pod_body(pod) for pod in status.pods],
        "optedOut": status.opted_out,
        "permissions": {"state": "broken", "id": permissions.check, "reason": permissions.message}
        if permissions
        else None,
        "advice": [{"id": item.check, "message": item.message} for item in status.advice],
        "checkedLinks": status.checked_links,
        "notChecked": [
            {"link": item.link, "subject": item.subject or None, "permission": item.permission or None}
            for item in status.not_checked
        ],
    }


def pod_body(pod: PodStatus) -> documents.PodStatusBody:
    cause, token = pod.cause, pod.token
    return {
        "namespace": pod.namespace,
        "name": pod.name or None,
        "node": pod.node or None,
        "workload": str(pod.workload) if pod.workload else None,
        "state": pod.state,
        "id": cause.check if cause else None,
        "link": cause.link if cause else None,
        "reason": reason_of(cause) if cause else None,
        "uses": pod.uses.uses if pod.uses else None,
        "certain": pod.uses.certain if pod.uses else None,
        "staleUntil": timestamp(pod.stale_until),
        "token": {
            "roleArn": token.role_arn,
            "sessionName": token.session_name,
            "expiresAt": timestamp(token.expires_at),
            "ofPod": pod.token_pod,
        }
        if token
        else None,
        "seenAt": timestamp(pod.seen_at),
    }
