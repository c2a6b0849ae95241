"""What a check is: metadata and a pure function from a snapshot to one verdict per subject.

A check never fetches. It declares the sections it cannot do without (`needs`) and those that only sharpen its answer
(`wants`); the runner answers `unknown` in its place when a needed one is missing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from podid.domain.findings import Fix, FixClass, Outcome, Severity, Subject, Verdict
from podid.domain.snapshot import Missing, Snapshot

EVERYONE = ("*",)  # the chain of a verdict that concerns every service account of the cluster

Rule = Callable[[Snapshot], Iterable[Verdict]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`title` states the healthy fact. `link` is the link of the way to credentials that the check looks at: 1
    association, 2 service account of the pod, 3 injection, 4 SDK, 5 network, 6 agent, 7 node role, 8 EKS Auth,
    9 trust, 10 permissions; 0 is podid's own access. The page `podid explain ID` documents each id."""

    id: str
    severity: Severity
    link: int
    title: str
    needs: tuple[str, ...]
    wants: tuple[str, ...]
    fix: FixClass
    run: Rule

    @property
    def docs(self) -> str:
        return self.id

    def ok(self, subject: Subject, message: str, *, chain: tuple[str, ...] = ()) -> Verdict:
        return self._verdict(Outcome.PASS, subject, message, chain)

    def skip(self, subject: Subject, message: str, *, chain: tuple[str, ...] = ()) -> Verdict:
        """The rule does not apply to this subject, for the reason in `message`."""
        return self._verdict(Outcome.NOT_APPLICABLE, subject, message, chain)

    def fail(
        self,
        subject: Subject,
        message: str,
        *,
        chain: tuple[str, ...] = (),
        severity: Severity | None = None,
        evidence: Iterable[str] = (),
        commands: Iterable[tuple[str, ...]] = (),
        masked_by: str = "",
    ) -> Verdict:
        return Verdict(
            check=self.id,
            outcome=Outcome.FAIL,
            subject=subject,
            message=message,
            severity=severity or self.severity,
            link=self.link,
            evidence=tuple(evidence),
            fix=Fix(self.fix, tuple(commands)),
            masked_by=masked_by,
            chain=chain,
        )

    def unknown(self, subject: Subject, missing: Missing, *, chain: tuple[str, ...] = (), message: str = "") -> Verdict:
        return Verdict(
            check=self.id,
            outcome=Outcome.UNKNOWN,
            subject=subject,
            message=message or f"could not look: {missing.reason}",
            severity=self.severity,
            link=self.link,
            reason=missing.reason,
            permission=missing.permission,
            chain=chain,
        )

    def _verdict(self, outcome: Outcome, subject: Subject, message: str, chain: tuple[str, ...]) -> Verdict:
        return Verdict(
            check=self.id,
            outcome=outcome,
            subject=subject,
            message=message,
            severity=self.severity,
            link=self.link,
            chain=chain,
        )


def check(
    *,
    id: str,
    severity: Severity,
    link: int,
    title: str,
    needs: tuple[str, ...],
    wants: tuple[str, ...] = (),
    fix: FixClass,
) -> Callable[[Rule], Check]:
    """Turns a rule into a Check; inside the rule its own name is the Check, which makes the verdicts."""

    def wrap(run: Rule) -> Check:
        return Check(id=id, severity=severity, link=link, title=title, needs=needs, wants=wants, fix=fix, run=run)

    return wrap
