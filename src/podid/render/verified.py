"""The results of verify: the pods of each identity, podid's own pods, and the permissions of the role."""

from collections.abc import Iterator, Mapping, Sequence

from podid.domain.encoding import encode
from podid.domain.evidence import Probed
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.snapshot import Known, Section, known_or
from podid.domain.status import Allowed, IdentityState, IdentityStatus, PodStatus
from podid.domain.text import count_of, utc
from podid.render.marks import ANSWERS, STATES, marked, rank_of
from podid.render.status import (
    IdentityStatusBody,
    IdentityStatusDocument,
    IdentityStatusListDocument,
    counted,
    gap_sentences,
    not_checked_lines,
    reason_of,
    status_view,
    verdict_lines,
    why,
    worst_identities_first,
)
from podid.render.view import Line, View, document


def verify_view(
    statuses: Sequence[IdentityStatus],
    probes: Section[Mapping[str, Section[tuple[Probed, ...]]]],
    allowed: Mapping[ServiceAccountRef, tuple[Allowed, ...]],
    *,
    single: bool,
) -> View:
    """Return each identity with a line for each of its pods: an IdentityStatus if one service account was specified
    (`single`), else an IdentityStatusList."""
    sections = known_or(probes, {})
    members: dict[ServiceAccountRef, dict[str, object]] = {}
    lines: list[str | Line] = []
    for status in worst_identities_first(statuses):
        section, actions = sections.get(str(status.ref)), allowed.get(status.ref, ())
        own_pods = section.value if isinstance(section, Known) else ()
        rows = (*_pod_rows(status), *_probe_rows(own_pods), *_allowed_rows(actions), *_issued_lines(status))
        lines += [*([""] if lines else []), *verdict_lines(status, rows), *not_checked_lines(status.not_checked)]
        members[status.ref] = {"probes": own_pods, "allowed": actions}
    names = tuple(f"pod/{pod.namespace}/{pod.name}" for status in statuses for pod in status.pods or ())
    table = status_view(statuses, single=False).tables
    if single:
        (status,) = statuses
        body = document(IdentityStatusDocument, status, **members[status.ref])
        return View(body, table, names, tuple(lines), unread=gap_sentences(statuses))
    items = [encode(IdentityStatusBody, status, **members[status.ref]) for status in statuses]
    lines += ["", counted([status.state for status in statuses])] if len(statuses) > 1 else []
    body = document(IdentityStatusListDocument, items=items)
    return View(body, table, names, tuple(lines), unread=gap_sentences(statuses))


# pods of one identity; -o json has all
MOST_ROWS = 20


def _pod_rows(status: IdentityStatus) -> Iterator[str | Line]:
    pods = sorted(status.pods or (), key=lambda pod: (rank_of(pod.state), pod.name))
    shown = pods[:MOST_ROWS]
    width = max((len(pod.name) for pod in shown), default=0)
    node = max((len(_node(pod.node)) for pod in shown), default=0)
    for pod in shown:
        text = f"{pod.name:<{width}}  {_node(pod.node):<{node}}  {_pod_words(pod, status)}"
        yield marked(STATES[pod.state], text.rstrip(), lead="  ")
    if hidden := len(pods) - len(shown):
        yield f"  and {count_of(hidden, 'more pod')}; -o json lists all pods"


def _node(name: str) -> str:
    """Return the short name of a node with a name from EC2, `ip-10-0-0-10`."""
    return name.partition(".")[0] if name.startswith("ip-") else name


def _pod_words(pod: PodStatus, status: IdentityStatus) -> str:
    if pod.cause is not None:
        words = "" if pod.cause == status.cause else why(pod.cause) or reason_of(pod.cause)
        until = f"previous role until {utc(pod.stale_until)}" if pod.stale_until is not None else ""
        return ", ".join(filter(None, (words, until)))
    if pod.seen_at is not None:
        return f"session at {utc(pod.seen_at)}"
    if pod.token is None:
        return "no token redeemed"
    if pod.token_pod != f"{pod.namespace}/{pod.name}":
        return "same template"
    return f"until {utc(pod.token.expires_at)}" if pod.token.expires_at is not None else "token redeemed"


def _issued_lines(status: IdentityStatus) -> list[str | Line]:
    """Return the role that EKS Auth issued, unless the state contains it."""
    pods = status.pods or ()
    redeemed = [pod.token for pod in pods if pod.token is not None]
    verified = rank_of(status.state) >= IdentityState.VERIFIED.rank
    if not redeemed or (verified and len(redeemed) == len(pods)):
        return []
    verb = "would issue" if status.state is IdentityState.BROKEN else "issues"
    share = f"{len(redeemed)} of {count_of(len(pods), 'pod')}"
    return [f"  EKS Auth {verb} role {role_name(redeemed[0].role_arn)} for {share}."]


def _probe_rows(probes: Sequence[Probed]) -> Iterator[Line]:
    answer: bool | None
    for probe in probes:
        if probe.redeemed is not None and not probe.link:
            answer, words = True, f"role {role_name(probe.redeemed.role_arn)}"
        elif probe.missing is not None:
            answer, words = None, probe.missing.reason
        else:
            answer, words = False, probe.message
        yield marked(ANSWERS[answer], f"podid's own pod  {_node(probe.node) or 'no node'}  {words}", lead="  ")


def _allowed_rows(answers: Sequence[Allowed]) -> Iterator[Line]:
    for item in answers:
        words = {True: "allowed", False: "denied", None: "unknown"}[item.allowed]
        why = f": {item.reason}" if item.reason else ""
        yield marked(ANSWERS[item.allowed], f"{item.action} on {item.resource}  {words}{why}", lead="  ")
