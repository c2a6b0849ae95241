"""What a check is: an id, what its page says, and a pure rule from a snapshot to one verdict per subject.

A rule never fetches. Its check declares the sections that it cannot do without (`needs`) and those that only sharpen
its answer (`wants`); `Check.judge` answers `unknown` in its place when a needed one is missing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from podid.domain.aws import Association, Listed
from podid.domain.cluster import Node, Pod
from podid.domain.findings import EVERYONE, Bearing, Fix, FixClass, Outcome, Severity, Subject, Verdict
from podid.domain.snapshot import NOT_READ, Known, Missing, Snapshot, known, known_or, part
from podid.domain.text import count_of, short_list
from podid.facts.index import (
    Placed,
    by_role,
    chain_of,
    cluster_subject,
    index,
    placed,
    role_subject,
    unread,
)
from podid.facts.injection import Group, groups
from podid.pages.index import ENTRIES

# what nearly every check is written with; the names of the last two lines come from podid.domain
__all__ = ["Case", "Check", "PartOfCheck", "Rule", "Verdicts", "on_links", "placed_on", "rule"]
__all__ += ["EVERYONE", "Outcome", "Severity", "Subject", "Verdict", "count_of", "short_list"]
__all__ += ["Known", "Missing", "Snapshot", "known", "known_or", "part"]

PAGES = {entry.id: entry for entry in ENTRIES}
Verdicts = Iterable[Verdict]
Rule = Callable[["Check", Snapshot], Verdicts | Verdict]


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

    def judge(self, snapshot: Snapshot) -> Verdicts:
        """What the rule says: unknown for each section that it needs and that is missing, nothing where nobody asked
        for one of them."""
        gaps = dict.fromkeys(part for name in self.needs if isinstance(part := getattr(snapshot, name), Missing))
        if NOT_READ in gaps:
            return ()
        if gaps:
            return [self.of_everyone(snapshot).unknown(section) for section in gaps]
        answer = self.rule(self, snapshot)
        return (answer,) if isinstance(answer, Verdict) else answer

    def fails(self, snapshot: Snapshot) -> bool:
        return any(verdict.outcome is Outcome.FAIL for verdict in self.judge(snapshot))

    def case(self, subject: Subject, chain: tuple[str, ...] = ()) -> "Case":
        """`chain`: the service accounts ("ns/name") whose way to credentials leads through the subject."""
        return Case(self, subject, chain)

    def of_cluster(self, snapshot: Snapshot, chain: tuple[str, ...] = ()) -> "Case":
        return self.case(cluster_subject(snapshot), chain)

    def of_everyone(self, snapshot: Snapshot) -> "Case":
        """The cluster as a whole, with every service account in it."""
        return self.of_cluster(snapshot, EVERYONE)

    def of_workloads(self, snapshot: Snapshot) -> "Iterator[tuple[Case, Placed]]":
        """The workloads of associated service accounts that have live pods."""
        for item in placed(snapshot):
            yield self.case(item.workload, (str(item.association.ref),)), item

    def of_groups(self, snapshot: Snapshot) -> "Iterator[tuple[Case, Group]]":
        """The same workloads with all of their pods, by how the webhook treated them."""
        for group in groups(snapshot):
            yield self.case(group.workload, (str(group.association.ref),)), group

    def of_associations(self, snapshot: Snapshot) -> "Iterator[tuple[Case, Listed]]":
        for association in known(snapshot.associations):
            yield self.case(association.subject, (str(association.ref),)), association

    def of_roles(self, snapshot: Snapshot) -> "Iterator[tuple[Case, str, list[Association]]]":
        """The roles of associations by ARN, each with those who name it."""
        for arn, associations in by_role(snapshot).items():
            yield self.case(role_subject(arn), chain_of(associations)), arn, associations

    def of_nodes(self, snapshot: Snapshot) -> "Iterator[tuple[Case, Node]]":
        """With the associated service accounts that have pods there."""
        users = index(snapshot).users
        for node in known(snapshot.nodes):
            yield self.case(node.subject, users.get(node.name, ())), node

    def of_agent_pods(self, snapshot: Snapshot) -> "Iterator[tuple[Case, Pod]]":
        """With the associated service accounts that have pods on the agent's node."""
        users = index(snapshot).users
        for pod in known(snapshot.agent_pods):
            yield self.case(pod.subject, users.get(pod.node, ())), pod

    def undescribed(self, snapshot: Snapshot) -> Iterator[Verdict]:
        """What a check of what associations give cannot tell."""
        for why, members in unread(snapshot).items():
            names = short_list(str(association.ref) for association in members)
            case = self.of_cluster(snapshot, chain_of(members))
            yield case.unknown(why, f"could not read the association of {names}: {why.reason}")


def rule(*, needs: tuple[str, ...], wants: tuple[str, ...] = ()) -> Callable[[Rule], Check]:
    """Make a check of the function below, which gives one verdict or many. Its name is the check's id with
    underscores."""
    return lambda judge: Check.of(judge.__name__.replace("_", "-"), judge, needs=needs, wants=wants)


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

    def fail_pods(self, failed: Collection[Pod], total: int, message: str, **more: Any) -> Verdict:
        """Fail because of some of the subject's `total` pods: "2 of 3 pods {message}"."""
        evidence = (f"pods: {short_list(pod.name for pod in failed)}", *more.pop("evidence", ()))
        return self.fail(f"{len(failed)} of {count_of(total, 'pod')} {message}", evidence=evidence, **more)

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


# --- checks with verdicts on several links ----------------------------------------------------------------------------

# A check is on the link of its page. What a permissions boundary denies may break an earlier one: the redeeming of
# tokens by a node's role, or the second hop. Else it leaves an application without rights.
NODE_ROLE, SECOND_HOP, PERMISSIONS = 7, 9, 10
# check -> the links of its verdicts, where these are several, each with the sections that it alone wants
SEVERAL: Mapping[str, Mapping[int, tuple[str, ...]]] = {
    "permissions-boundary-denies": {NODE_ROLE: (), SECOND_HOP: (), PERMISSIONS: ("bounded",)}
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOfCheck(Check):
    """A check of which only the verdicts on some of its links were asked for."""

    links: tuple[int, ...]


def on_links(check: Check, links: Collection[int]) -> Check | None:
    """The check, with its verdicts on these links alone; None for one that has none."""
    own = SEVERAL.get(check.id, {check.link: ()})
    kept = tuple(link for link in own if link in links)
    if not kept or len(kept) == len(own):
        return check if kept else None
    needless = {name for link, names in own.items() if link not in kept for name in names}
    values = {field.name: getattr(check, field.name) for field in fields(check)}
    wants = tuple(name for name in check.wants if name not in needless)
    return PartOfCheck(**{**values, "link": kept[0], "wants": wants}, links=kept)


def placed_on(link: int, check: Check, verdict: Verdict) -> Iterator[Verdict]:
    """The verdict, on that link if the check has several; nothing, where that one was not asked for."""
    if check.id in SEVERAL:
        verdict = replace(verdict, link=link)
    if not isinstance(check, PartOfCheck) or verdict.link in check.links:
        yield verdict
