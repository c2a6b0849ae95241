"""The outlook of a plan: members of its document, and the lines below it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Annotated

from podid.domain.findings import Severity, Verdict, link_words
from podid.domain.grouping import grouped
from podid.domain.members import AS_TEXT, OR_NULL, About, Document, From, ServiceAccounts, schema_name
from podid.domain.names import role_name
from podid.domain.status import CredentialSource, CredentialUse, IdentityState, IdentityStatus, Outlook, UseChange
from podid.domain.text import count_of, short_list
from podid.render.marks import SEVERITIES, SOURCES, rank_of, state_line, state_word
from podid.render.status import IdentityStatusBody, counted, gap_sentences, reason_of, role_of
from podid.render.view import Line

# of more identities only those with problems are listed
MOST = 3
# lines about findings, and about credentials
MOST_LINES = 6
# kinds of findings that the state shows already
_NONE = "association-missing"
_NAMED = (CredentialSource.IRSA, CredentialSource.POD_IDENTITY)


def outlook_lines(outlook: Outlook) -> Iterator[str | Line]:
    """Yield the status of each identity for a pod created afterwards, the new and the fixed findings, and the changes
    for running pods."""
    shown = sorted(outlook.after, key=lambda status: (rank_of(status.new_pod.state), status.ref))
    if len(shown) == 1:
        yield _status_line(shown[0], lead="After this: ")
        yield from _running(shown[0])
    elif shown:
        many = len(shown) > MOST
        yield f"After this: {counted([status.new_pod.state for status in shown])}" if many else "After this:"
        wrong = [status for status in shown if rank_of(status.new_pod.state) < IdentityState.CONFIGURED.rank]
        yield from _by_cause(wrong) if many else (_status_line(status, lead="  ") for status in shown)
    yield from (*_brought(outlook), *_ended(outlook), *_changes(outlook.uses), *_not_checked(shown))


def outlook_gaps(outlook: Outlook | None) -> tuple[str, ...]:
    """Return a sentence for each part that could not be read."""
    return gap_sentences(outlook.after) if outlook is not None else ()


def _status_line(status: IdentityStatus, *, lead: str) -> Line:
    state, cause, role = status.new_pod.state, status.new_pod.cause, role_of(status)
    if cause is not None and state is not IdentityState.NONE:
        more = f" at link {link_words(cause.link)}: {_why(cause)}"
    else:
        more = f", role {role}" if role else ""
    return state_line(state, f"{status.ref}  {state_word(state)}", more, lead=lead)


def _why(cause: Verdict) -> str:
    return reason_of(cause) if cause.reason else cause.check


def _by_cause(statuses: Sequence[IdentityStatus]) -> Iterator[Line]:
    def key(status: IdentityStatus) -> tuple[int, str]:
        cause = status.new_pod.cause
        return rank_of(status.new_pod.state), _why(cause) if cause is not None else ""

    groups = [tuple(group) for _, group in groupby(sorted(statuses, key=key), key=key)]
    for group in groups[:MOST_LINES]:
        state, cause = group[0].new_pod.state, group[0].new_pod.cause
        at = f" at link {link_words(cause.link)}: {_why(cause)}" if cause is not None else ""
        names = short_list(str(status.ref) for status in group)
        yield state_line(state, f"{len(group)} {state_word(state)}", f"{at}: {names}", lead="  ")
    if len(groups) > MOST_LINES:
        yield Line(f"  and {count_of(len(groups) - MOST_LINES, 'more cause')}", "dim")


def _running(status: IdentityStatus) -> Iterator[Line]:
    """Yield the running pods that have a worse state than a new pod."""
    pods, new = status.pods or (), rank_of(status.new_pod.state)
    worse = Counter((pod.state, pod.cause.check if pod.cause else "") for pod in pods if rank_of(pod.state) < new)
    for (state, check), count in worse.items():
        words = f"{count} of {count_of(len(pods), 'running pod')} {state_word(state)}"
        yield state_line(state, words, f": {check}" if check else "", lead="  ")


def _brought(outlook: Outlook) -> Iterator[Line]:
    """Yield warnings and errors that the plan causes, without those of the lines above."""
    named = {pod.cause.check for status in outlook.after for pod in (status.new_pod, *(status.pods or ())) if pod.cause}
    verdicts = [
        verdict
        for verdict in outlook.brings
        # findings about running pods are part of the lines about them
        if verdict.severity is not Severity.INFO and not verdict.masked_by and not verdict.pods
        if verdict.check not in named and verdict.check != _NONE
    ]
    checks = grouped((verdict.check, verdict) for verdict in verdicts)
    width = max(map(len, checks), default=0)
    for check, group in list(checks.items())[:MOST_LINES]:
        more = f" (and {len(group) - 1} more)" if len(group) > 1 else ""
        mark, style = SEVERITIES[group[0].severity]
        head = f"  {mark} {check:<{width}}"
        yield Line(f"{head}   {group[0].full_message}{more}", style, upto=len(head))
    if len(checks) > MOST_LINES:
        yield Line(f"  and {count_of(len(checks) - MOST_LINES, 'more warning')} (--dry-run -o json)", "dim")


def _ended(outlook: Outlook) -> Iterator[Line]:
    """Yield the checks that no longer fail for any subject."""
    excluded = {_NONE, *(verdict.check for verdict in outlook.brings)}
    ended = dict.fromkeys(v.check for v in outlook.ends if v.severity is not Severity.INFO and v.check not in excluded)
    if ended:
        yield Line(f"{'  fixes' if outlook.after else 'Fixes'} {', '.join(ended)}", "dim")


def _changes(uses: Sequence[UseChange]) -> Iterator[Line]:
    alike = grouped(((use.before, use.after, use.restart), use) for use in uses)
    several = len({use.ref for use in uses}) > 1
    for (before, after, restart), group in list(alike.items())[:MOST_LINES]:
        pods = count_of(sum(use.pods for use in group), "running pod")
        of = f" of {short_list(str(use.ref) for use in group)}" if several else ""
        changes = "change" if pods != "1 running pod" else "changes"
        once = " when restarted" if restart else ""
        yield Line(f"  {pods}{of} {changes} from {use_words(before)} to {use_words(after)}{once}")


def use_words(use: CredentialUse) -> str:
    way = SOURCES[use.source]
    if use.source in _NAMED and use.role_arn:
        return f"{role_name(use.role_arn)} ({way})"
    return f"{way} (if reachable)" if use.source is CredentialSource.NODE_ROLE else way


def _not_checked(statuses: Sequence[IdentityStatus]) -> Iterator[Line]:
    """Yield one line on everything that could not be read."""
    gaps = [gap for status in statuses for gap in status.not_checked]
    permissions = list(dict.fromkeys(gap.permission for gap in gaps if gap.permission))
    causes = {_why(status.new_pod.cause) for status in statuses if status.new_pod.cause is not None}
    subjects = dict.fromkeys(gap.subject for gap in gaps if gap.subject and not gap.permission)
    reasons = [subject for subject in subjects if subject not in causes]
    # only if this lowers the state
    claims = [status for status in statuses if status.new_pod.state in (IdentityState.CONFIGURED, None)]
    bare = (gap for status in claims for gap in status.not_checked if not gap.subject and not gap.permission)
    links = sorted({gap.link for gap in bare})
    parts = [f"needs {short_list(permissions, 4)}"] if permissions else []
    parts += reasons[:2]
    if links:
        parts.append(f"link{'s' if len(links) > 1 else ''} {_ranges(links)}")
    if parts:
        yield Line(f"  not checked: {'; '.join(parts)}", "dim")


def _ranges(numbers: Sequence[int]) -> str:
    """Return `1-3, 5` for sorted numbers."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


@schema_name("ForeseenBody")
class PredictedFindingBody(Document):
    id: Annotated[str, From("check"), About("The ID of the failure mode, for `podid explain`.")]
    severity: Severity
    link: Annotated[int, About("The link, 1 to 10; 0 is podid's own access.")]
    subject: Annotated[str, AS_TEXT]
    message: str
    service_accounts: Annotated[ServiceAccounts, From("chain")]
    masked_by: Annotated[str, OR_NULL, About("The finding that may cause this one.")]


class OutlookBody(Document):
    after: Annotated[
        Sequence[IdentityStatusBody] | None,
        About("The predicted status of each identity once the plan is in effect; null if it was not predicted."),
    ]
    brings: Annotated[Sequence[PredictedFindingBody] | None, About("Findings that the plan causes.")]
    ends: Annotated[Sequence[PredictedFindingBody] | None, About("Findings that the plan fixes.")]
    uses: Annotated[Sequence[UseChange] | None, About("The credentials that running pods change from and to.")]
