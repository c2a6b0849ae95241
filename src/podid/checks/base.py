"""A check: an id, the metadata of its page, and a pure rule that maps a snapshot to one verdict per subject.

A rule never reads from AWS or Kubernetes. Its check declares the sections that the rule requires (`needs`) and those
that only make its answer more exact (`wants`). If a required section is missing, `Check.judge` returns `unknown`
without calling the rule.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from podid.domain.aws import Association, Listed
from podid.domain.cluster import Node, Pod
from podid.domain.findings import EVERYONE, Bearing, Fix, FixClass, Outcome, Severity, Subject, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import NOT_READ, Known, Missing, Snapshot, known, known_or, part
from podid.domain.text import count_of, short_list
from podid.facts import index
from podid.facts.injection import Group, groups
from podid.pages.index import ENTRIES

# the names that nearly every check uses; those of the last two lines are defined in podid.domain
__all__ = ["Case", "Check", "Rule", "Verdicts", "on_links", "placed_on", "rule"]
__all__ += ["EVERYONE", "Outcome", "Severity", "Subject", "Verdict", "count_of", "short_list"]
__all__ += ["Known", "Missing", "Snapshot", "known", "known_or", "part"]

PAGES = {entry.id: entry for entry in ENTRIES}
Verdicts = Iterable[Verdict]
Rule = Callable[["Check", Snapshot], Verdicts | Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`title` states the healthy fact. `link` is the checked link of the way to credentials: 1 association, 2 service
    account of the pod, 3 injection, 4 SDK, 5 network, 6 agent, 7 node role, 8 EKS Auth, 9 trust, 10 permissions; 0 is
    podid's own access. `only_links` are the requested links of a check with verdicts on several; empty for all."""

    id: str
    severity: Severity
    link: int
    title: str
    fix: FixClass
    needs: tuple[str, ...]
    wants: tuple[str, ...]
    rule: Rule
    bearing: Bearing = Bearing.STOPS
    only_links: tuple[int, ...] = ()

    @classmethod
    def of(cls, id: str, rule: Rule, *, needs: tuple[str, ...], wants: tuple[str, ...] = ()) -> "Check":
        """Return the check with severity, link, title and fix class from the front matter of page `id`. Raise
        LookupError if there is no such page."""
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
        """Return the verdicts of the rule, or unknown for each required section that is missing. Return nothing if a
        required section was not requested."""
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
        """Return the case of a subject. `chain`: the service accounts ("ns/name") whose credentials depend on the
        subject."""
        return Case(self, subject, chain)

    def of_account(self, ref: ServiceAccountRef) -> "Case":
        return self.case(ref.subject, (str(ref),))

    def of_role(self, arn: str, associations: Iterable[Listed]) -> "Case":
        return self.case(index.role_subject(arn), index.chain_of(associations))

    def of_cluster(self, snapshot: Snapshot, chain: tuple[str, ...] = ()) -> "Case":
        return self.case(index.cluster_subject(snapshot), chain)

    def of_everyone(self, snapshot: Snapshot) -> "Case":
        """Return the case of the whole cluster, with every service account in it."""
        return self.of_cluster(snapshot, EVERYONE)

    def of_workloads(self, snapshot: Snapshot) -> "Iterator[tuple[Case, index.Placed]]":
        """Yield the workloads of associated service accounts that have live pods."""
        for item in index.placed(snapshot):
            yield self.case(item.workload, (str(item.association.ref),)), item

    def of_groups(self, snapshot: Snapshot) -> "Iterator[tuple[Case, Group]]":
        """Yield the workloads of associated service accounts with all of their pods, by state of injection."""
        for group in groups(snapshot):
            yield self.case(group.workload, (str(group.association.ref),)), group

    def of_associations(self, snapshot: Snapshot) -> "Iterator[tuple[Case, Listed]]":
        for association in known(snapshot.associations):
            yield self.case(association.subject, (str(association.ref),)), association

    def of_roles(self, snapshot: Snapshot) -> "Iterator[tuple[Case, str, list[Association]]]":
        """Yield each role ARN with the associations that name it."""
        for arn, associations in index.by_role(snapshot).items():
            yield self.of_role(arn, associations), arn, associations

    def of_nodes(self, snapshot: Snapshot) -> "Iterator[tuple[Case, Node]]":
        """Yield the nodes, each case with the associated service accounts that have pods on the node."""
        users = index.index(snapshot).users
        for node in known(snapshot.nodes):
            yield self.case(node.subject, users.get(node.name, ())), node

    def of_agent_pods(self, snapshot: Snapshot) -> "Iterator[tuple[Case, Pod]]":
        """Yield the agent's pods, each case with the associated service accounts that have pods on the same node."""
        users = index.index(snapshot).users
        for pod in known(snapshot.agent_pods):
            yield self.case(pod.subject, users.get(pod.node, ())), pod

    def undescribed(self, snapshot: Snapshot) -> Iterator[Verdict]:
        """Yield unknown for the associations that could not be described."""
        for why, members in index.unread(snapshot).items():
            names = short_list(str(association.ref) for association in members)
            case = self.of_cluster(snapshot, index.chain_of(members))
            yield case.unknown(why, f"the association of {names} could not be read: {why.reason}")


def rule(*, needs: tuple[str, ...], wants: tuple[str, ...] = ()) -> Callable[[Rule], Check]:
    """Make a check of the decorated function, which returns one verdict or yields several. Its name is the check's id
    with underscores."""
    return lambda judge: Check.of(judge.__name__.replace("_", "-"), judge, needs=needs, wants=wants)


@dataclass(frozen=True, slots=True)
class Case:
    """One subject of one check. Its methods make the verdict."""

    check: Check
    subject: Subject
    chain: tuple[str, ...]

    def ok(self, message: str) -> Verdict:
        return self._verdict(Outcome.PASS, message)

    def skip(self, message: str) -> Verdict:
        """Return not-applicable: the rule does not apply to this subject, for the reason in `message`."""
        return self._verdict(Outcome.NOT_APPLICABLE, message)

    def fail(
        self,
        message: str,
        *evidence: str,
        severity: Severity | None = None,
        commands: Iterable[tuple[str, ...]] = (),
        masked_by: str = "",
        pods: Iterable[Pod] = (),
        nodes: Iterable[str] = (),
    ) -> Verdict:
        """Return a failing verdict with its message and the lines of its evidence. `pods` and `nodes` are the affected
        ones, if these are not all of the subject's."""
        return replace(
            self._verdict(Outcome.FAIL, message),
            severity=severity or self.check.severity,
            evidence=evidence,
            fix=Fix(self.check.fix, tuple(commands)),
            masked_by=masked_by,
            pods=tuple(f"{pod.namespace}/{pod.name}" for pod in pods),
            nodes=tuple(nodes),
        )

    def fail_pods(
        self,
        failed: Collection[Pod],
        total: int,
        message: str,
        *evidence: str,
        verb: tuple[str, str] = ("", ""),
        **more: Any,
    ) -> Verdict:
        """Return a failing verdict on some of the subject's `total` pods: "2 of 3 pods {verb} {message}". `verb` is its
        singular and its plural, of a present tense."""
        words = (f"{len(failed)} of {count_of(total, 'pod')}", verb[len(failed) != 1], message)
        pods = f"pods: {short_list(pod.name for pod in failed)}"
        return self.fail(" ".join(filter(None, words)), pods, *evidence, **more)

    def unknown(self, missing: Missing, message: str = "", *, severity: Severity | None = None) -> Verdict:
        """Return unknown. `severity` is that of the possible failure: the check's, if no lower one is likelier."""
        plain = self._verdict(Outcome.UNKNOWN, message or f"not checked: {missing.reason}")
        # a missing permission is its own advice
        helped = bool(missing.hint) and not missing.permission
        return replace(
            plain,
            reason=missing.reason,
            permission=missing.permission,
            error_code=missing.error_code,
            advice="" if missing.permission else missing.advice,
            fix=Fix(FixClass.PRINT, (missing.hint,)) if helped else None,
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

# A check is on the link of its page. A permissions boundary may break an earlier link: a node role cannot redeem
# tokens, or a role cannot assume its target role. Otherwise an application lacks permissions.
NODE_ROLE, SECOND_HOP, PERMISSIONS = 7, 9, 10
# check with verdicts on several links -> these links, each with the sections that only this link wants
SEVERAL: Mapping[str, Mapping[int, tuple[str, ...]]] = {
    "permissions-boundary-denies": {NODE_ROLE: (), SECOND_HOP: (), PERMISSIONS: ("bounded",)}
}


def on_links(check: Check, links: Collection[int]) -> Check | None:
    """Return the check, limited to its verdicts on these links; None if it has none."""
    own = SEVERAL.get(check.id, {check.link: ()})
    kept = tuple(link for link in own if link in links)
    if not kept or len(kept) == len(own):
        return check if kept else None
    needless = {name for link, names in own.items() if link not in kept for name in names}
    wants = tuple(name for name in check.wants if name not in needless)
    return replace(check, link=kept[0], wants=wants, only_links=kept)


def placed_on(link: int, check: Check, verdict: Verdict) -> Iterator[Verdict]:
    """Yield the verdict, on that link if the check has several; nothing if the link was not requested."""
    if check.id in SEVERAL:
        verdict = replace(verdict, link=link)
    if not check.only_links or verdict.link in check.only_links:
        yield verdict
