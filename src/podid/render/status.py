"""The status of service accounts: a line for each, a line for each pod, and the document."""

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Literal

from podid.domain.aws import PLANNED_ID, Association
from podid.domain.findings import INJECTION, LINKS, OWN_PERMISSIONS, Outcome, Verdict, link_words
from podid.domain.grouping import grouped
from podid.domain.members import (
    AS_TEXT,
    FLAT,
    OPTIONAL,
    OR_NULL,
    About,
    Argv,
    ArnText,
    BrokenLink,
    Document,
    From,
    MissingPermission,
    ModeId,
    TextOrNull,
    document_of,
    list_of,
)
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.status import Allowed, CredentialSource, IdentityState, IdentityStatus, NotChecked
from podid.domain.text import count_of, short_list, utc
from podid.render.marks import SOURCES, STATES, rank_of, state_line, state_lines, state_word
from podid.render.view import Column, Line, Table, View, document, sentence, table_of


def role_of(status: IdentityStatus) -> str:
    """Return the name of the pods' role; empty if it could not be read."""
    return role_name(status.association.pods_role_arn) if isinstance(status.association, Association) else ""


def status_lines(statuses: Sequence[IdentityStatus], most_fine: int = 3) -> list[str | Line]:
    """Return a line for each identity, worst first. Of those without a problem, only the first few have a line, and a
    count stands for the others. `obstacle_lines` returns the obstacles."""
    ordered = worst_identities_first(statuses)
    fine = [status for status in ordered if _fine(status)]
    shown = [status for status in ordered if not _fine(status)] + fine[:most_fine]
    lines = state_lines((status.state, str(status.ref), because(status)) for status in shown)
    hidden = Counter(state_word(status.state) for status in fine[most_fine:])
    return [*lines, *(f"  and {count} more {word}" for word, count in hidden.items())]


def obstacle_lines(statuses: Sequence[IdentityStatus]) -> Iterator[str | Line]:
    """Yield the reasons why the state of identities is unknown, each once, with the command that helps."""
    causes = [status.cause for status in statuses if status.cause is not None]
    unknown = [cause for cause in causes if cause.outcome is Outcome.UNKNOWN]
    for reason, cause in {cause.reason: cause for cause in unknown if not cause.permission}.items():
        yield Line(f"? {sentence(reason)}", "warn", upto=1)
        yield from help_lines(cause)
    if denied := next((cause for cause in unknown if cause.permission), None):
        yield from help_lines(denied)


def gap_sentences(statuses: Sequence[IdentityStatus]) -> tuple[str, ...]:
    """Return a sentence for each part that could not be read; of several identities with their names."""
    names = grouped((_not_checked_words(gap), str(status.ref)) for status in statuses for gap in status.gaps)
    several = len(statuses) > 1
    return tuple(
        f"not checked: {words}{f': {short_list(dict.fromkeys(refs), 3)}' if several else ''}"
        for words, refs in names.items()
    )


def gap_lines(statuses: Sequence[IdentityStatus]) -> list[str | Line]:
    """Return a line with the parts that could not be read, except those that are the cause of a state."""
    causes = [cause for status in statuses for cause in status.causes]
    shown = {text for cause in causes for text in (cause.permission, cause.reason) if text}
    return not_checked_lines(
        gap for status in statuses for gap in status.gaps if (gap.permission or gap.subject) not in shown
    )


def worst_identities_first(statuses: Sequence[IdentityStatus]) -> list[IdentityStatus]:
    return sorted(statuses, key=lambda status: (rank_of(status.state), status.ref))


def counted(states: Sequence[IdentityState | None]) -> str:
    """Return `3 identities: 1 ready, 1 stale, 1 broken`, best first."""
    counts = Counter(states)
    words = ", ".join(f"{counts[state]} {state_word(state)}" for state in sorted(counts, key=rank_of, reverse=True))
    total = f"{len(states)} {'identity' if len(states) == 1 else 'identities'}"
    return f"{total}: {words}" if len(states) > 1 else total


def because(status: IdentityStatus) -> str:
    """Return the words after the state: the cause, an error on the permissions of the role, or role and pods."""
    if cause := status.cause or status.permissions:
        return f"{pods_share(status)}{why(cause)}".removesuffix(": ")
    parts = [role] if (role := _role_words(status)) else []
    if status.pods is not None:
        parts.append(count_of(len(status.pods), "pod") if status.pods else "no pods")
    if status.opted_out:
        parts.append(f"{count_of(len(status.opted_out), 'pod')} opted out")
    return ", ".join(parts)


def pods_share(status: IdentityStatus) -> str:
    """Return `1 of 2 pods: ` if only some of several pods have the cause."""
    pods = status.pods or ()
    share = sum(pod.state is status.state for pod in pods)
    return f"{share} of {count_of(len(pods), 'pod')}: " if 0 < share < len(pods) else ""


def link_of(cause: Verdict) -> str:
    """Return `SDK: static-aws-keys-shadow`, or why a link is not known."""
    return f"{LINKS[cause.link]}: {why(cause) or cause.reason}"


def why(cause: Verdict) -> str:
    """Return the id of the check. For an unknown verdict, return the missing permission, empty for another reason."""
    if cause.outcome is not Outcome.UNKNOWN:
        return cause.check
    return f"needs {cause.permission}" if cause.permission else ""


def reason_of(cause: Verdict) -> str:
    if cause.outcome is not Outcome.UNKNOWN:
        return cause.message
    return f"missing permission: {cause.permission}" if cause.permission else cause.reason or cause.message


def _fine(status: IdentityStatus) -> bool:
    known_wrong = status.cause or status.permissions
    return rank_of(status.state) >= IdentityState.CONFIGURED.rank and known_wrong is None


# observations of a cause
MOST_EVIDENCE = 3


def verdict_lines(status: IdentityStatus, more: Sequence[str | Line] = ()) -> list[str | Line]:
    """Return the state of one identity with its cause, `more` about it, the fix, and further facts."""
    state, cause, words = status.state, status.cause, f"{status.ref}  {state_word(status.state)}"
    lines: list[str | Line]
    if cause is not None and state is not IdentityState.NONE:
        named = f": {cause.check}" if cause.outcome is not Outcome.UNKNOWN else ""
        lines = [state_line(state, words, f" at link {link_words(cause.link)}{named}")]
        share, reason = pods_share(status), reason_of(cause)
        if reason.startswith(share.removesuffix(": ")):  # the message begins with the share
            share = ""
        lines.append(f"  {share}{sentence(reason, cause.subject.name)}")
    elif state is IdentityState.NONE:
        lines = [state_line(state, words, f"; {used}" if (used := _used(status)) else "")]
    else:
        lines = [state_line(state, words, f"  {because(status)}")]
    lines += [*more, *(help_lines(cause) if cause is not None else ())]
    if status.permissions is not None:
        denied = status.permissions
        lines.append(Line(f"✗ permissions: {denied.check}", "bad"))
        lines += [f"  {sentence(denied.message, denied.subject.name)}", *fix_lines(denied)]
    lines += [Line(f"  ! {item.check}  {item.message}", "warn", upto=3) for item in status.advice]
    if status.opted_out:
        names = short_list(status.opted_out)
        lines.append(f"  {count_of(len(status.opted_out), 'pod')} opted out of Pod Identity: {names}")
    return lines


def evidence_lines(cause: Verdict, indent: str = "  ") -> list[str | Line]:
    """Return the observations; a terminal shows only the first few, and no policy."""
    plain = [item for item in cause.evidence if '{"' not in item]
    hidden = [item for item in cause.evidence if item not in plain[:MOST_EVIDENCE]]
    lines: list[str | Line] = [f"{indent}- {item}" for item in plain[:MOST_EVIDENCE]]
    lines += [Line(f"{indent}- {item}", only="full") for item in hidden]
    return [*lines, Line(f"{indent}- and {len(hidden)} more (-o wide)", "dim", only="short")] if hidden else lines


def change_lines(statuses: Sequence[IdentityStatus]) -> list[str | Line]:
    """Return the status after a change: of one identity its new and running pods, of several a line each."""
    if len(statuses) != 1:
        return [*status_lines(statuses), *obstacle_lines(statuses)]
    (status,) = statuses
    if status.state is IdentityState.NONE:
        return verdict_lines(status)
    new, pods = status.new_pod, status.pods or ()
    rows = [(new.state, "new pods", why(new.cause) if new.cause else _role_words(status))]
    for state in dict.fromkeys(pod.state for pod in sorted(pods, key=lambda pod: rank_of(pod.state))):
        same = [pod for pod in pods if pod.state is state]
        cause = same[0].cause
        until = f"; previous role until {utc(same[0].stale_until)} at the latest" if same[0].stale_until else ""
        rows.append((state, count_of(len(same), "running pod"), (why(cause) if cause else "") + until))
    lines = state_lines(rows)
    cause = new.cause or status.cause
    if cause is not None:
        lines.append(f"  {sentence(reason_of(cause), cause.subject.name)}")
        return lines + help_lines(cause, explain=not commands_of(cause))
    # the change may not have reached the webhook yet: an admission policy or a missing permission prevents dry runs
    return lines + not_checked_lines(item for item in status.not_checked if item.link == INJECTION)


def not_checked_lines(items: Iterable[NotChecked]) -> list[str | Line]:
    missing = dict.fromkeys(map(_not_checked_words, items))
    return [Line(f"  Not checked: {'; '.join(missing)}", "dim", hang=4)] if missing else []


def _not_checked_words(item: NotChecked) -> str:
    if item.permission:
        return f"{LINKS[item.link]} (needs {item.permission})"
    return f"{LINKS[item.link]}: {item.subject}" if item.subject else LINKS[item.link]


def _role_words(status: IdentityStatus) -> str:
    return f"role {role}" if (role := role_of(status)) else ""


def fix_lines(cause: Verdict, indent: str = "  ", *, explain: bool = True) -> list[str | Line]:
    """Return the command lines that fix it, and the one that explains it."""
    fixes = [f"{indent}Fix   {shlex.join(command)}" for command in commands_of(cause)]
    return [*fixes, *([f"{indent}More  podid explain {cause.check}"] if explain else [])]


def help_lines(cause: Verdict, *, explain: bool = True) -> list[str | Line]:
    """Return the commands that fix a cause and explain it. For an unknown verdict, return those that remove the
    obstacle."""
    if cause.outcome is not Outcome.UNKNOWN:
        return fix_lines(cause, explain=explain)
    if cause.permission:
        return [f"  More  {own_permissions(cause)}"]
    tries = [f"  Try   {shlex.join(command)}" for command in cause.fix.commands] if cause.fix is not None else []
    return [*([f"  {sentence(cause.advice)}"] if cause.advice else []), *tries]


def own_permissions(cause: Verdict) -> str:
    """Return the command line that lists the missing permissions at the place of the report."""
    return shlex.join(cause.fix.commands[0] if cause.fix is not None and cause.fix.commands else OWN_PERMISSIONS)


def commands_of(cause: Verdict | None) -> tuple[tuple[str, ...], ...]:
    """Return the command lines that fix it; those of an unknown cause only help to find the obstacle."""
    if cause is None or cause.fix is None or cause.outcome is Outcome.UNKNOWN:
        return ()
    return cause.fix.commands


def _used(status: IdentityStatus) -> str:
    """Return `2 pods use IRSA`, for an identity without an association."""
    counts = Counter(pod.uses.uses for pod in status.pods or () if pod.uses is not None)
    return ", ".join(
        f"{count_of(count, 'pod')} {'uses' if count == 1 else 'use'} {SOURCES[use]}" for use, count in counts.items()
    )


def status_view(statuses: Sequence[IdentityStatus], *, single: bool, short: bool = False, where: str = "") -> View:
    """Return a row for each identity, worst first, or a line if `short`: an IdentityStatus if one service account was
    specified (`single`), else an IdentityStatusList. `where` is the searched place."""
    ordered = worst_identities_first(statuses)
    table = _table(ordered, where)
    names = tuple(str(status.ref) for status in ordered)
    if single:
        (status,) = statuses
        body = document(IdentityStatusDocument, status)
        lines = (*verdict_lines(status), *gap_lines(statuses)) if short else ()
        return View(body, (table,), names, lines, unread=gap_sentences(statuses))
    several = document(IdentityStatusListDocument, items=statuses)
    lines = (*status_lines(ordered, len(ordered)), *obstacle_lines(ordered), *gap_lines(ordered)) if short else ()
    return View(several, (table,), names, lines, unread=gap_sentences(ordered))


def _table(statuses: Sequence[IdentityStatus], where: str) -> Table:
    return table_of(
        statuses,
        ("NAMESPACE", "ref.namespace"),
        ("SERVICE ACCOUNT", "ref.name"),
        ("STATUS", lambda status: state_word(status.state), lambda status: STATES[status.state][1]),
        (Column("ROLE", folds=2), lambda status: role_of(status) or None),
        (
            Column("PODS", right=True),
            lambda s: pods_share(s).partition(" pod")[0] or (None if s.pods is None else len(s.pods)),
        ),
        (
            Column("REASON", prose=True, folds=1),
            lambda status: link_of(cause) if (cause := status.cause or status.permissions) else None,
        ),
        empty=f"no pod identity associations in {where}",
    )


State = Annotated[IdentityState | None, About("One of docs/explanations/states.md; null if too little was read.")]
Reason = Annotated[str | None, About("The reason why the state is not better; null for configured and better states.")]


# only the view of verify has them
_OF_VERIFY = From(lambda _: None)


def _of_cause(words: Callable[[Verdict], str]) -> From:
    return From(lambda status: None if status.cause is None else words(status.cause))


class TokenBody(Document):
    role_arn: Annotated[ArnText, From("token.role_arn")]
    session_name: Annotated[str, From("token.session_name")]
    expires_at: Annotated[datetime | None, From("token.expires_at")]
    of_pod: Annotated[
        str, From("token_pod"), About("The pod whose token EKS Auth accepted: this one, or one of the same template.")
    ]


class PodStatusBody(Document):
    namespace: str
    name: Annotated[str, OR_NULL, About("null for the pod that would be created now.")]
    node: TextOrNull
    workload: Annotated[str | None, AS_TEXT, About("KIND NAMESPACE/NAME.")]
    state: State
    id: Annotated[ModeId, From("cause.check")]
    link: Annotated[BrokenLink, From("cause.link")]
    reason: Annotated[Reason, _of_cause(reason_of)]
    uses: Annotated[
        CredentialSource | None, From("uses.uses"), About("The credentials that an SDK in its main container uses.")
    ]
    certain: Annotated[bool | None, From("uses.certain"), About("`true` if an SDK cannot use other credentials.")]
    stale_until: Annotated[datetime | None, About("Time until which a stale pod may keep the previous role.")]
    token: Annotated[
        TokenBody | None,
        From(lambda pod: pod if pod.token else None),
        About("The credentials that EKS Auth issued to podid."),
    ]
    seen_at: Annotated[datetime | None, About("Time of a session of this pod in CloudTrail.")]


class LinkTenBody(Document):
    state: Annotated[Literal["broken"], From(lambda _: "broken")]
    id: Annotated[str, From("check")]
    reason: Annotated[str, From("message")]


class AdviceBody(Document):
    id: Annotated[str, From("check")]
    message: str


class ProbeBody(Document):
    """A pod of podid's own that requested credentials from the agent of its node."""

    job: Annotated[str, About("NAMESPACE/NAME of the Job, which podid deleted.")]
    node: TextOrNull
    role_arn: Annotated[ArnText | None, From("redeemed.role_arn"), About("The role that the pod got.")]
    link: BrokenLink
    id: ModeId
    message: Annotated[
        str, OR_NULL, From(lambda probe: probe.message or probe.left), About("The reason why the pod got no role.")
    ]
    unknown: Annotated[
        str | None,
        From(lambda probe: probe.missing and probe.missing.reason),
        About("The reason why the answer is not known."),
    ]


def _association_id(status: IdentityStatus) -> str | None:
    association = status.association
    return None if association is None or association.association_id == PLANNED_ID else association.association_id


class IdentityStatusBody(Document):
    ref: Annotated[ServiceAccountRef, FLAT]
    association_id: Annotated[str | None, From(_association_id)]
    role_arn: Annotated[
        ArnText | None,
        From(lambda s: s.association.pods_role_arn if isinstance(s.association, Association) else None),
        About("The role that pods get: the target role, if the association has one."),
    ]
    state: State
    id: Annotated[ModeId, From("cause.check")]
    link: Annotated[BrokenLink, From("cause.link")]
    reason: Annotated[Reason, _of_cause(reason_of)]
    permission: Annotated[MissingPermission, From("cause.permission")]
    fix: Annotated[Sequence[Argv], From(lambda s: commands_of(s.cause)), About("Command lines that fix the cause.")]
    new_pod: Annotated[PodStatusBody, About("The pod that would be created now.")]
    pods: Annotated[Sequence[PodStatusBody] | None, About("Running pods; null if pods were not read.")]
    opted_out: Annotated[Sequence[str], About("Running pods that opted out of injection.")]
    permissions: Annotated[
        LinkTenBody | None, About("An error about the permissions of the role. No state depends on it.")
    ]
    advice: Annotated[Sequence[AdviceBody], About("Findings that never lower a state.")]
    checked_links: Annotated[Sequence[int], About("The links that were checked completely, 1 to 9.")]
    not_checked: Sequence[NotChecked]
    probes: Annotated[Sequence[ProbeBody], OPTIONAL, _OF_VERIFY, About("`podid verify` only: with `--probe`.")]
    allowed: Annotated[Sequence[Allowed], OPTIONAL, _OF_VERIFY, About("`podid verify` only: with `--can`.")]


IdentityStatusDocument = document_of(
    "IdentityStatus", IdentityStatusBody, "`podid status NAMESPACE/NAME`, `podid verify NAMESPACE/NAME`."
)
IdentityStatusListDocument = list_of(
    "IdentityStatusList", IdentityStatusBody, "`podid status`, and `podid verify` of several."
)
