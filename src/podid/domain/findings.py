"""A doctor's words: outcome, severity, verdict, finding, unknown.

A check looks at a snapshot and gives one verdict per subject. A failing verdict is a finding; one that could not be
reached is an unknown and names the permission that was missing. Nothing that could not be looked at is ever a pass.
"""

from dataclasses import dataclass
from enum import StrEnum


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
    """SAFE may be applied under --fix; ASK needs a yes per item; PRINT is only printed; NONE needs no fix."""

    SAFE = "SAFE"
    ASK = "ASK"
    PRINT = "PRINT"
    NONE = "-"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What a verdict is about, in Kubernetes' words or AWS's (kind Role, Association, Cluster, Addon, Node…)."""

    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Fix:
    """`commands` are argv lists, each of which can be pasted after shlex.join."""

    kind: FixClass
    commands: tuple[tuple[str, ...], ...] = ()


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
