"""Read a cluster once and judge it: the start of the doctor and of every command that shows a status."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from podid.checks.affected import has_pods, shuts_nodes
from podid.checks.all import ALL, AUDITED, BY_ID, ORDER
from podid.checks.base import Check, on_links
from podid.checks.runner import mask, run_checks
from podid.checks.status import statuses
from podid.domain.aws import Listed
from podid.domain.errors import Again, Other, UsageError
from podid.domain.findings import EVERYONE, LINKS, Outcome, Severity, Verdict, link_words
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place
from podid.domain.report import DoctorReport
from podid.domain.section import READS, Cost
from podid.domain.snapshot import NOT_READ, SERVICES, Known, Snapshot, known_or
from podid.domain.status import IdentityState
from podid.domain.text import count_of, meant, nearest
from podid.domain.workloads import live, users_of_nodes
from podid.facts.index import cluster_name
from podid.ops.change.journal import Journal
from podid.ops.clients import Clients
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.reading.scope import EVERYTHING, DoctorScope, resolve
from podid.ops.reading.sections import OPTIONS, SECTIONS, permissions
from podid.ops.reading.witnesses import MOST_EVENTS, TRAIL_SINCE

# changes a report before its identities are judged, as a baseline of accepted findings does
Adjust = Callable[[DoctorReport], DoctorReport]


def unchanged(report: DoctorReport) -> DoctorReport:
    return report


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A report and the snapshot that it judges. `adjust` is for reports on a predicted snapshot too."""

    report: DoctorReport
    snapshot: Snapshot
    adjust: Adjust = unchanged


def wanted_for(refs: Collection[ServiceAccountRef] = (), *, namespace: str = "", cost: Cost = READS) -> ReadRequest:
    """Return the request for the status of these service accounts, or of all of a namespace or of the cluster."""
    scope = DoctorScope.of(refs) if refs else DoctorScope(namespace=namespace, typed=namespace)
    return ReadRequest(checks=ALL, scope=scope, cost=cost)


def diagnosis_of(snapshot: Snapshot, selection: ReadRequest, adjust: Adjust = unchanged) -> Diagnosis:
    """Judge the snapshot of a request, with the errors of `diagnose`."""
    return Diagnosis(
        diagnose(snapshot, checks=selection.checks, scope=selection.scope, adjust=adjust), snapshot, adjust
    )


def examine_listed(
    clients: Clients,
    place: Place,
    associations: Iterable[Listed],
    checks: tuple[Check, ...],
    also: Collection[str] = (),
    *,
    now: datetime,
    journal: Journal | None,
    namespace: str = "",
) -> Diagnosis:
    """Read and judge associations that were listed before: all of the namespace, or of the cluster. The sections in
    `also` are read even if no check requires them."""
    scope = DoctorScope(namespace=namespace, typed=namespace)
    unread: dict[str, Any] = dict.fromkeys(SERVICES, NOT_READ)
    unread["associations"] = Known(tuple(sorted(associations, key=lambda item: (item.ref, item.association_id))))
    base = Snapshot(taken_at=now, only_namespaces=scope.namespaces, **unread)
    request = ReadRequest(checks=checks, scope=scope)
    return diagnosis_of(collect(clients, place, request, now=now, journal=journal, base=base, again=also), request)


WITNESSES = {
    Cost.LOGS: "agent logs",
    Cost.TRAIL: "CloudTrail",
    Cost.TOKEN: "pod tokens",
    Cost.PROBE: "the network path from a pod to the agent",
}


Checks = tuple[Check, ...]


def select(
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    links: Sequence[str] = (),
    *,
    command: str = "doctor",
) -> Checks:
    """Return the checks of the command to run, in causal order; `links` are numbers or names. Raise UsageError, with
    the nearest ones, for an unknown id or link, and for a check of the other command."""
    among = AUDITED if command == "audit" else ALL
    numbers, known = {_link(text) for text in links}, {check.id for check in among}
    for name in (*only, *skip):
        if name in BY_ID and name not in known:
            other_command = "audit" if command == "doctor" else "doctor"
            message = f"{name} is not a check of podid {command}, but of podid {other_command}"
            raise UsageError(message, hint=_LISTS[other_command], subject=name)
        if name not in known:
            near = nearest(name, known)
            hint = Again(swap=(name, near[0])) if near else _LISTS[command]
            raise UsageError(f"{name!r} is not the id of a check{meant(near)}", hint=hint, subject=name)
    named = [check for check in among if (not only or check.id in only) and check.id not in skip]
    chosen = tuple(c for check in named if (c := on_links(check, numbers or range(len(LINKS)))) is not None)
    if not chosen:
        options = "--check, --link and --skip" if command == "doctor" else "--check and --skip"
        raise UsageError(f"No check to run: no check matches {options} together")
    return chosen


_LISTS = {"doctor": Other(("doctor",), flags=("--list",)), "audit": Other(("audit",), flags=("--list",))}


def _link(text: str) -> int:
    names = [name.lower() for name in LINKS]
    if text.isdecimal() and int(text) < len(LINKS):
        return int(text)
    if text.lower() in names:
        return names.index(text.lower())
    near, links = nearest(text.lower(), names), ", ".join(map(link_words, range(len(LINKS))))
    hint = Again(swap=(text, near[0])) if near else ()
    raise UsageError(f"--link {text!r} is not a link: {links}", hint=hint, subject=text)


def diagnose(
    snapshot: Snapshot,
    *,
    checks: Sequence[Check] = ALL,
    scope: DoctorScope = EVERYTHING,
    adjust: Adjust = unchanged,
) -> DoctorReport:
    """Return the report on the scope. Raise NotFound for a pod or workload that does not exist, or the error that
    prevented looking it up."""
    return judge(replace(snapshot, targets=resolve(scope, snapshot)), checks=checks, scope=scope, adjust=adjust)


def judge(
    snapshot: Snapshot,
    *,
    checks: Sequence[Check] = ALL,
    scope: DoctorScope = EVERYTHING,
    adjust: Adjust = unchanged,
) -> DoctorReport:
    """Return the report on the snapshot's targets, whether they exist or not."""
    targets, verdicts = snapshot.targets, run_checks(checks, snapshot)
    if scope != EVERYTHING:
        associated = {association.ref for association in known_or(snapshot.associations, ())}
        members = associated & set(targets) if scope.kind else {r for r in associated if r.namespace == scope.namespace}
        names = frozenset(map(str, targets))
        anywhere = [ref for ref in members if not has_pods(snapshot, ref)]
        narrowed = (
            scope.narrow(verdict, names, anywhere if anywhere and shuts_nodes(verdict, snapshot) else ())
            for verdict in verdicts
        )
        verdicts = tuple(verdict for verdict in narrowed if verdict is not None)
    cluster, judged = snapshot.cluster, {verdict.check for verdict in verdicts}
    report = DoctorReport(
        cluster=cluster_name(snapshot),
        cluster_arn=cluster.value.arn if isinstance(cluster, Known) else "",
        taken_at=snapshot.taken_at,
        verdicts=mask(verdicts, ORDER),
        scope=str(scope),
        checks=tuple(c.id for c in checks if c.id in judged or NOT_READ not in (getattr(snapshot, n) for n in c.needs)),
        associations=_associations(snapshot, scope),
        not_asked=_not_asked(snapshot, scope),
    )
    report = adjust(report)
    refs = _identities(report, snapshot, scope)
    identities = statuses(snapshot, report.verdicts, refs, report.checks)
    fresh = ((str(identity.ref), identity.new_pod) for identity in identities)
    broken = {ref: pod.cause.check for ref, pod in fresh if pod.cause and pod.state is IdentityState.BROKEN}
    verdicts = tuple(_with_order(verdict, broken) for verdict in report.verdicts)
    return replace(report, verdicts=verdicts, identities=identities)


def _with_order(verdict: Verdict, broken: Mapping[str, str]) -> Verdict:
    """Return a finding whose fix is a restart with the finding that must be fixed before. `broken` has the failure mode
    of new pods: `podid restart` refuses while there is one."""
    commands = verdict.fix.commands if verdict.fix is not None and verdict.outcome is Outcome.FAIL else ()
    restarted = (broken.get(words[2], "") for words in commands if words[:2] == ("podid", "restart"))
    first = next((mode for mode in restarted if mode not in ("", verdict.check)), "")
    if not first:
        return verdict
    return replace(verdict, evidence=(*verdict.evidence, f"fix {first} first: podid restart refuses until then"))


def _identities(report: DoctorReport, snapshot: Snapshot, scope: DoctorScope) -> tuple[ServiceAccountRef, ...]:
    """Return the identities of the scope: associated, named, or subject of an error."""
    if scope.kind:
        return snapshot.targets
    refs = {a.ref for a in known_or(snapshot.associations, ()) if scope.namespace in ("", a.namespace)}
    wrong = (v for v in report.findings if v.severity is Severity.ERROR and v.chain != EVERYONE)
    return tuple(sorted(refs | {ServiceAccountRef.parse(name) for verdict in wrong for name in verdict.chain}))


def _not_asked(snapshot: Snapshot, scope: DoctorScope) -> tuple[str, ...]:
    """Return the collectors that did not run, and for those that try service accounts one by one the number skipped."""
    of_scope, skipped = _associations(snapshot, scope) or 0, dict[Cost, str]()
    for row in SECTIONS:
        section = getattr(snapshot, row.name)
        if row.cost in WITNESSES and section == NOT_READ:
            skipped[row.cost] = ""
        elif row.name in ("tokens", "probes") and isinstance(section, Known) and len(section.value) < of_scope:
            more = count_of(of_scope - len(section.value), "more service account")
            skipped[row.cost] = f" for {more}; specify them one at a time"
    others = []
    if isinstance(snapshot.cloudtrail, Known):
        hours = TRAIL_SINCE.total_seconds() / 3600
        others.append(f"CloudTrail events older than {hours:g} hours or beyond the newest {MOST_EVENTS}")
    if isinstance(snapshot.node_calls, Known):
        refs = set(snapshot.targets) or {association.ref for association in known_or(snapshot.associations, ())}
        users = users_of_nodes(snapshot.pods.value) if isinstance(snapshot.pods, Known) else {}
        # nodes with pods of the scope that have credentials
        if unasked := {node for node in users if users[node] & refs} - snapshot.node_calls.value.keys():
            others.append(f"CloudTrail calls with the role of {count_of(len(unasked), 'more node')}")
    nodes = defaultdict[str, set[str]](set)
    for pod in known_or(snapshot.pods, ()):
        if pod.node and live(pod):
            nodes[str(pod.ref)].add(pod.node)
    # a service account with one probe may have pods on several nodes
    if any(len(nodes[name]) > 1 for name in known_or(snapshot.probes, {})):
        others.append("the network path to the agent on their pods' other nodes (podid verify --probe)")
    return (*(f"{WITNESSES[cost]}{more} ({OPTIONS[cost]})" for cost, more in skipped.items()), *others)


def _associations(snapshot: Snapshot, scope: DoctorScope) -> int | None:
    if not isinstance(snapshot.associations, Known):
        return None
    refs = (association.ref for association in snapshot.associations.value)
    return sum(ref in snapshot.targets if scope.kind else scope.namespace in ("", ref.namespace) for ref in refs)


@dataclass(frozen=True, slots=True)
class CheckInfo:
    """One line of `podid doctor --list`; `kubernetes` has entries such as "list pods"."""

    id: str
    severity: str
    link: int
    title: str
    fix: str
    needs: tuple[str, ...]
    wants: tuple[str, ...]
    iam: tuple[str, ...]
    kubernetes: tuple[str, ...]

    @classmethod
    def of(cls, check: Check) -> CheckInfo:
        needed = permissions((check,))
        own = (check.id, check.severity.value, check.link, check.title, check.fix.value, check.needs, check.wants)
        return cls(*own, needed.iam, tuple(map(str, needed.kubernetes)))


def describe_checks(checks: Iterable[Check] = ALL) -> tuple[CheckInfo, ...]:
    return tuple(map(CheckInfo.of, checks))
