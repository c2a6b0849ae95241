"""A doctor's words: link, outcome, severity, verdict, finding, unknown.

A check looks at a snapshot and gives one verdict per subject. A failing verdict is a finding; one that could not be
reached is an unknown and names the permission that was missing. Nothing that could not be looked at is ever a pass.
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
    """`6 agent`: a number alone says nothing to a reader."""
    return f"{number} {LINKS[number]}"


class Outcome(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"


class Severity(StrEnum):
    """error: pods cannot get the intended credentials; warn: works but fragile; info: explains what looks odd."""

    ERROR = "error"
    WARN = "warn"
    INFO = "info"


class Bearing(StrEnum):
    """What a failing verdict means for the pods that it concerns. stops: they do not get the role or do not use it, or,
    as a warning, may not. restart: running pods only, new ones get it. advice: nothing; it never lowers a state."""

    STOPS = "stops"
    RESTART = "restart"
    ADVICE = "advice"


class FixClass(StrEnum):
    """ASK restarts or installs, and `doctor --fix` does it after a yes; GRANT gives a role and DELETE deletes, both
    with `--fix-id` alone; PRINT is only printed; NONE needs no fix."""

    ASK = "ASK"
    GRANT = "GRANT"
    DELETE = "DELETE"
    PRINT = "PRINT"
    NONE = "-"


# what `doctor` carries out itself, by the words of the command; every other one is for a person to run
_CARRIED_OUT = {
    ("install-agent",): FixClass.ASK,
    ("restart",): FixClass.ASK,
    ("associate",): FixClass.GRANT,
    ("role", "create"): FixClass.GRANT,
    ("disassociate",): FixClass.DELETE,
}
# a flag that opens what exists is given by a person, who has seen whom it lets in
_BY_HAND = frozenset({"--update-trust", "--adopt", "--force", "--fix-node-role"})
_GRAVITY = (FixClass.NONE, FixClass.ASK, FixClass.GRANT, FixClass.DELETE, FixClass.PRINT)


def class_of(command: tuple[str, ...]) -> FixClass:
    """What a command line does to the cluster and the account."""
    if command[:1] != ("podid",) or _BY_HAND.intersection(command):
        return FixClass.PRINT
    words = command[1:]
    return next((fix_class for path, fix_class in _CARRIED_OUT.items() if words[: len(path)] == path), FixClass.PRINT)


@members("kind namespace name")
@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What a verdict is about, in Kubernetes' words or AWS's (kind Role, Association, Cluster, Addon, Node…)."""

    kind: str
    name: str
    namespace: TextOrNull = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Fix:
    """`declared` is the class of the check; `commands` are argv lists, each of which can be pasted after shlex.join."""

    declared: FixClass
    commands: tuple[tuple[str, ...], ...] = ()

    @property
    def kind(self) -> FixClass:
        """The gravest of what the check declares and what each command does."""
        return max((self.declared, *map(class_of, self.commands)), key=_GRAVITY.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One check's answer for one subject. `chain` lists the service accounts ("ns/name") whose way to credentials
    leads through the subject: it is how a later link learns that an earlier one is already broken; ("*",) is all.
    `pods` ("ns/name") and `nodes` narrow it down to some of their pods, where the subject alone does not.
    `error_code` is that of the Missing which made it unknown."""

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
    masked_by: str = ""
    # why somebody accepts this finding, empty where nobody does
    accepted: str = ""
    chain: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


EVERYONE = ("*",)  # the chain of a verdict that concerns every service account of the cluster
# no pod can run as a service account that does not exist: all that is wrong for it alone follows from that
NO_SERVICE_ACCOUNT = ("association-namespace-not-found", "association-sa-not-found")
