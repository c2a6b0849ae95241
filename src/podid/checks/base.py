"""What a check is: an id, what its page says, and a pure rule from a snapshot to one verdict per subject.

A rule never fetches. Its check declares the sections that it cannot do without (`needs`) and those that only sharpen
its answer (`wants`); the runner answers `unknown` in its place when a needed one is missing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from podid.domain.cluster import Pod
from podid.domain.findings import Bearing, Fix, FixClass, Outcome, Severity, Subject, Verdict
from podid.domain.snapshot import Missing, Snapshot
from podid.pages.index import ENTRIES

EVERYONE = ("*",)  # the chain of a verdict that concerns every service account of the cluster
PAGES = {entry.id: entry for entry in ENTRIES}

Rule = Callable[["Check", Snapshot], Iterable[Verdict]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`title` states the healthy fact. `link` is the link of the way to credentials that the check looks at: 1
    association, 2 service account of the pod, 3 injection, 4 SDK, 5 network, 6 agent, 7 node role, 8 EKS Auth,
    9 trust, 10 permissions; 0 is podid's own access."""

    id: str
    severity: Severity
    link: int
    title: str
    fix: FixClass
    needs: tuple[str, ...]
    wants: tuple[str, ...]
    rule: Rule
    bearing: Bearing = Bearing.STOPS

    @classmethod
    def of(cls, id: str, rule: Rule, *, needs: tuple[str, ...], wants: tuple[str, ...] = ()) -> "Check":
        """With severity, link, title and fix class from the front matter of the page `id`; LookupError without one."""
        if id not in PAGES:
            raise LookupError(f"podid.pages.index has no {id}: write src/podid/pages/{id}.md, and run make docs")
        page = PAGES[id]
        return cls(
            id=id,
            severity=Severity(page.severity),
            link=page.link,
            title=page.healthy,
            fix=FixClass(page.fix),
            needs=needs,
            wants=wants,
            rule=rule,
            bearing=Bearing(page.bearing),
        )

    def judge(self, snapshot: Snapshot) -> Iterable[Verdict]:
        return self.rule(self, snapshot)

    def case(self, subject: Subject, chain: tuple[str, ...] = ()) -> "Case":
        """`chain`: the service accounts ("ns/name") whose way to credentials leads through the subject."""
        return Case(self, subject, chain)


@dataclass(frozen=True, slots=True)
class Case:
    """One subject before one check: makes the verdict on it."""

    check: Check
    subject: Subject
    chain: tuple[str, ...]

    def ok(self, message: str) -> Verdict:
        return self._verdict(Outcome.PASS, message)

    def skip(self, message: str) -> Verdict:
        """The rule does not apply to this subject, for the reason in `message`."""
        return self._verdict(Outcome.NOT_APPLICABLE, message)

    def fail(
        self,
        message: str,
        *,
        severity: Severity | None = None,
        evidence: Iterable[str] = (),
        commands: Iterable[tuple[str, ...]] = (),
        masked_by: str = "",
        pods: Iterable[Pod] = (),
        nodes: Iterable[str] = (),
    ) -> Verdict:
        """`pods` and `nodes` are those that fail, where these are not all that the subject stands for."""
        return replace(
            self._verdict(Outcome.FAIL, message),
            severity=severity or self.check.severity,
            evidence=tuple(evidence),
            fix=Fix(self.check.fix, tuple(commands)),
            masked_by=masked_by,
            pods=tuple(f"{pod.namespace}/{pod.name}" for pod in pods),
            nodes=tuple(nodes),
        )

    def note(self, snapshot: Snapshot, message: str, *, evidence: Iterable[str] = ()) -> Verdict:
        """Of what is as it should be and looks odd: a finding for whoever named one of its service accounts, and to all
        others a pass that says so."""
        if {str(ref) for ref in snapshot.targets} & set(self.chain):
            return self.fail(message, severity=Severity.INFO, evidence=evidence)
        return self.ok(message)

    def unknown(self, missing: Missing, message: str = "", *, severity: Severity | None = None) -> Verdict:
        """`severity` is that of what could be behind it; the check's, unless a milder one is likelier."""
        plain = self._verdict(Outcome.UNKNOWN, message or f"could not look: {missing.reason}")
        return replace(
            plain,
            reason=missing.reason,
            permission=missing.permission,
            error_code=missing.error_code,
            severity=severity or self.check.severity,
        )

    def _verdict(self, outcome: Outcome, message: str) -> Verdict:
        return Verdict(
            check=self.check.id,
            outcome=outcome,
            subject=self.subject,
            message=message,
            severity=self.check.severity,
            link=self.check.link,
            chain=self.chain,
        )
