"""The status of service accounts: a line for each, a line for each pod, and the document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from podid.domain.findings import Outcome, Verdict
from podid.domain.links import LINKS
from podid.domain.model import Association
from podid.domain.names import role_name
from podid.domain.status import IdentityState, IdentityStatus, PodStatus
from podid.domain.words import count_of
from podid.render.view import Line, timestamp

if TYPE_CHECKING:
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
    """What follows the state: the cause with its link, or role and pods."""
    if status.cause is not None:
        return f"{pods_share(status)}{link_of(status.cause)}"
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
    if cause.outcome is Outcome.UNKNOWN and cause.permission:
        return f"{LINKS[cause.link]}: needs {cause.permission}"
    return f"{LINKS[cause.link]}: {cause.check}"


def reason_of(cause: Verdict) -> str:
    if cause.outcome is not Outcome.UNKNOWN:
        return cause.message
    return f"needs {cause.permission}" if cause.permission else cause.reason or cause.message


def _rank(state: IdentityState | None) -> int:
    """One of which nothing can be claimed comes after those that are wrong."""
    return IdentityState.CONFIGURED.rank if state is None else state.rank


def _fine(status: IdentityStatus) -> bool:
    return _rank(status.state) >= IdentityState.CONFIGURED.rank and status.cause is None


# --- documents --------------------------------------------------------------------------------------------------------


def status_body(status: IdentityStatus) -> documents.IdentityStatusBody:
    """The status of one service account, without the kind of a document."""
    cause, association, permissions = status.cause, status.association, status.permissions
    return {
        "namespace": status.ref.namespace,
        "serviceAccount": status.ref.name,
        # one that is planned has no ARN yet, nor an id
        "associationId": association.association_id if association and association.association_arn else None,
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
