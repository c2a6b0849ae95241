"""What the agents' logs show, where somebody has asked for them: the failure as it happens, whatever its cause."""

from collections.abc import Iterable
from datetime import timedelta

from podid.checks.base import Check
from podid.checks.shared.agent import importance
from podid.checks.shared.facts import index, podid_command
from podid.domain.findings import Severity, Subject, Verdict
from podid.domain.sightings import LogSighting
from podid.domain.snapshot import Known, Snapshot, known
from podid.domain.words import count_of, cut, short_list

NEEDS = ("agent_logs",)
WANTS = ("agent_pods", "associations", "pods", "cluster")
# what has not been seen for so long may be mended
RECENT = timedelta(minutes=10)
# EKS Auth's words for many causes, which the policies and the associations themselves tell apart
TOLD_BY_OTHERS = frozenset({"trust-missing-tag-session", "association-missing"})
# a few of these are in the day's work
SEVERAL = frozenset({"agent-timeout-context-canceled", "eks-auth-throttled"})


def in_logs(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """A finding for each node whose agent shows the check's failure mode; nothing where the logs were not read."""
    if check.id in TOLD_BY_OTHERS:
        return
    users = index(snapshot).users
    for source in (snapshot.agent_logs, snapshot.cloudtrail):
        for section in source.value.values() if isinstance(source, Known) else ():
            for seen in section.value if isinstance(section, Known) else ():
                if seen.id == check.id:
                    yield _found(check, snapshot, seen, users.get(seen.node, ()), trail=source is snapshot.cloudtrail)


def _found(check: Check, snapshot: Snapshot, seen: LogSighting, users: tuple[str, ...], *, trail: bool) -> Verdict:
    chain = tuple(name for name in seen.accounts if name in users) or users
    who = f", for {short_list(seen.accounts)}" if seen.accounts else ""
    last = f", last {seen.last:%H:%M:%S}" if seen.last is not None else ""
    return check.case(Subject("Node", seen.node), chain).fail(
        f"seen {count_of(seen.count, 'time')} in {'CloudTrail' if trail else 'the log of its agent'}{last}{who}",
        severity=_severity(check, snapshot, seen),
        evidence=(cut(seen.sample, 300),),
        commands=(podid_command(snapshot, "agent", "logs", "--node", seen.node),),
    )


def _severity(check: Check, snapshot: Snapshot, seen: LogSighting) -> Severity:
    if check.severity is not Severity.ERROR:
        return check.severity
    recent = seen.last is None or snapshot.taken_at - seen.last <= RECENT
    broken = not seen.running or (recent and check.id not in SEVERAL)
    return importance(snapshot) if broken else Severity.WARN


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Of a failure mode that nothing but a log shows; what is found is told by `in_logs`."""
    for name, section in known(snapshot.agent_logs).items():
        namespace, _, pod = name.partition("/")
        case = check.case(Subject("Pod", pod, namespace))
        if not isinstance(section, Known):
            yield case.unknown(section, severity=Severity.WARN)
        elif not any(seen.id == check.id for seen in section.value):
            yield case.ok("its log of the last hour does not show it")
