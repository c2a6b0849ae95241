"""The vocabulary of the doctor: link, outcome, severity, verdict, finding, unknown.

A check reads a snapshot and returns one verdict for each subject. A failed verdict is a finding. A verdict that could
not be reached is unknown and names the missing permission. A check that could not read its data never passes.
"""

from dataclasses import dataclass
from enum import StrEnum

from podid.domain.members import TextOrNull, members

# 0 is podid's own access to the account and the cluster
LINKS = (
    "podid's own access",
    "association",
    "service account",
    "injection",
    "SDK",
    "network",
    "agent",
    "node role",
    "EKS Auth",
    "trust",
    "permissions",
)
ASSOCIATION, INJECTION, NETWORK, AGENT, EKS_AUTH, TRUST = 1, 3, 5, 6, 8, 9


def link_words(number: int) -> str:
    """Return number and name of a link, such as `6 agent`."""
    return f"{number} {LINKS[number]}"


class RankedWord(StrEnum):
    """One of several words in an order. `rank` is its place in the declaration, from 0."""

    rank: int

    def __init__(self, *_: object) -> None:
        self.rank = len(type(self).__members__)


class Outcome(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"


class Severity(RankedWord):
    """error: pods cannot get the intended credentials; warn: works, but is fragile; info: explains something
    unusual."""

    ERROR = "error"
    WARN = "warn"
    INFO = "info"


class Bearing(StrEnum):
    """The effect of a failed verdict on its pods. stops: they do not get or do not use the role; for a warning, they
    may not. restart: this concerns running pods only, and new ones get it. advice: no effect; it never lowers a
    state."""

    STOPS = "stops"
    RESTART = "restart"
    ADVICE = "advice"


class FixClass(StrEnum):
    """ASK: `doctor --fix` restarts or installs after confirmation. GRANT gives a role and DELETE deletes, both with
    `--fix-id` only. PRINT: the fix is only printed. NONE: no fix is required."""

    ASK = "ASK"
    GRANT = "GRANT"
    DELETE = "DELETE"
    PRINT = "PRINT"
    NONE = "-"


# commands that `doctor` runs itself, by their first words; the user runs every other command
_CARRIED_OUT = {
    ("install-agent",): FixClass.ASK,
    ("restart",): FixClass.ASK,
    ("associate",): FixClass.GRANT,
    ("role", "create"): FixClass.GRANT,
    ("disassociate",): FixClass.DELETE,
}
# flags that change access to existing objects require a decision by the user
_BY_HAND = frozenset({"--update-trust", "--adopt", "--force", "--fix-node-role"})
_GRAVITY = (FixClass.NONE, FixClass.ASK, FixClass.GRANT, FixClass.DELETE, FixClass.PRINT)


def class_of(command: tuple[str, ...]) -> FixClass:
    """Return the class of a command line, by its effect on cluster and account."""
    if command[:1] != ("podid",) or _BY_HAND.intersection(command):
        return FixClass.PRINT
    words = command[1:]
    return next((fix_class for path, fix_class in _CARRIED_OUT.items() if words[: len(path)] == path), FixClass.PRINT)


@members("kind namespace name")
@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """The subject of a verdict, a kind of Kubernetes or AWS (Role, Association, Cluster, Addon, Node…)."""

    kind: str
    name: str
    namespace: TextOrNull = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


# lists the missing permissions of the caller
OWN_PERMISSIONS = ("podid", "doctor", "--me")


@dataclass(frozen=True, slots=True)
class Fix:
    """`declared` is the class of the check; `commands` are argv lists, to paste after shlex.join."""

    declared: FixClass
    commands: tuple[tuple[str, ...], ...] = ()

    @property
    def kind(self) -> FixClass:
        """Return the most serious class of the check and its commands."""
        return max((self.declared, *map(class_of, self.commands)), key=_GRAVITY.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One check's answer for one subject. `chain` lists the service accounts ("ns/name") whose way to credentials leads
    through the subject, ("*",) for all: it connects failures of later links with an earlier broken one. `pods`
    ("ns/name") and `nodes` limit the verdict to some of their pods. `error_code` and `advice` are those of the Missing
    that made it unknown."""

    check: str
    outcome: Outcome
    subject: Subject
    message: str
    severity: Severity = Severity.ERROR
    link: int = 0
    evidence: tuple[str, ...] = ()
    fix: Fix | None = None
    reason: str = ""
    permission: str = ""
    error_code: str = ""
    advice: str = ""
    masked_by: str = ""
    # the reason in the baseline that accepts this finding; empty if none does
    accepted: str = ""
    chain: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()

    @property
    def full_message(self) -> str:
        """Return the message, after the subject if neither the message nor an identity names it."""
        subject = self.subject
        named = subject.kind in ("Association", "ServiceAccount", "Cluster") or subject.name in self.message
        return self.message if named else f"{subject}: {self.message}"


EVERYONE = ("*",)  # the chain of a verdict that concerns every service account of the cluster
# no pod can run as a service account that does not exist, so its other failures follow from that
NO_SERVICE_ACCOUNT = ("association-namespace-not-found", "association-sa-not-found")
