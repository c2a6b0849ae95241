"""Marks and styles of states, severities and answers; words for sources of credentials."""

from collections.abc import Iterable
from dataclasses import replace

from podid.domain.findings import Severity
from podid.domain.status import CredentialSource, IdentityState
from podid.render.view import Line

# mark and style, each
STATES: dict[IdentityState | None, tuple[str, str]] = {
    IdentityState.BROKEN: ("✗", "bad"),
    IdentityState.STALE: ("↻", "warn"),
    IdentityState.UNKNOWN: ("?", "warn"),
    IdentityState.DOUBTFUL: ("!", "warn"),
    IdentityState.CONFIGURED: ("·", "dim"),
    IdentityState.READY: ("✓", "good"),
    IdentityState.VERIFIED: ("✓", "good"),
    IdentityState.PROVEN: ("✓", "good"),
    IdentityState.NONE: ("-", "dim"),
    None: ("·", "dim"),
}
SEVERITIES = {Severity.ERROR: ("✗", "bad"), Severity.WARN: ("!", "warn"), Severity.INFO: ("i", "dim")}
# None: not known
ANSWERS = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "warn")}
SOURCES = {
    CredentialSource.STATIC_KEYS: "access keys of their own",
    CredentialSource.PROFILE: "a profile of their own",
    CredentialSource.IRSA: "IRSA",
    CredentialSource.CREDENTIALS_FILE: "a credentials file of their own",
    CredentialSource.OTHER_ENDPOINT: "an endpoint of their own",
    CredentialSource.POD_IDENTITY: "Pod Identity",
    CredentialSource.NODE_ROLE: "the node role",
    CredentialSource.NONE: "no credentials",
}
NOT_CHECKED = "not checked"


def marked(sign: tuple[str, str], text: str, *, lead: str = "", hang: int | None = None) -> Line:
    """Return a line whose mark has its colour. `sign` is the mark and its style."""
    mark, style = sign
    return Line(f"{lead}{mark} {text}", style, len(lead) + 1, hang)


def state_word(state: IdentityState | None) -> str:
    return NOT_CHECKED if state is None else state.value.replace("-", " ")


def rank_of(state: IdentityState | None) -> int:
    """Return the rank for sorting; a state without a claim comes after the problems."""
    return IdentityState.CONFIGURED.rank if state is None else state.rank


def state_line(state: IdentityState | None, words: str, more: str = "", *, lead: str = "") -> Line:
    """Return a line whose mark and words have the colour of the state; `more` follows them."""
    mark, style = STATES[state]
    head = f"{lead}{mark} {words}"
    return Line(f"{head}{more}".rstrip(), style, upto=len(head))


def state_lines(rows: Iterable[tuple[IdentityState | None, str, str]]) -> list[str | Line]:
    """Return a line for each state with its subject and further words, in columns."""
    shown = list(rows)
    width = max((len(subject) for _, subject, _ in shown), default=0)
    words = max((len(state_word(state)) for state, _, _ in shown), default=0)
    hang = width + words + 6
    return [
        replace(state_line(state, f"{subject:<{width}}  {state_word(state):<{words}}", f"  {more}"), hang=hang)
        for state, subject, more in shown
    ]
