"""Failures that the agents' logs show, if these were requested: the failure itself, whatever its cause."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta

from podid.checks.base import NODE_ROLE, Check, Known, Snapshot, known, known_or, part, placed_on
from podid.domain.cluster import Pod
from podid.domain.evidence import LogSighting
from podid.domain.findings import Severity, Subject, Verdict
from podid.domain.text import count_of, cut, short_list
from podid.facts.agent import FREES_PROBE_PORT, importance
from podid.facts.index import index, once, podid_command

NEEDS = ("agent_logs",)
WANTS = ("agent_pods", "associations", "pods", "cluster")
IPV4_ONLY = "agent.additionalArgs.-b=169.254.170.23"
FREES_METRICS_PORT = "agent.additionalArgs.--metrics-port=2706"
# an older failure may be fixed already
RECENT = timedelta(minutes=10)
# EKS Auth has one message for many causes, which the checks of policies and associations distinguish
TOLD_BY_OTHERS = frozenset({"trust-missing-tag-session", "association-missing"})
# failures at these links are errors in the request, so they affect only the client that sends it
_OF_CLIENTS = (4, 5)
# a few of these lines are normal
SEVERAL = frozenset({"agent-timeout-context-canceled", "eks-auth-throttled"})


def in_logs(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Yield a finding for each node whose agent shows the check's failure mode; nothing if no log was read."""
    for sighting, trail in _by_check(snapshot).get(check.id, {}).values():
        users = index(snapshot).users.get(sighting.node, ())
        yield from placed_on(NODE_ROLE, check, _sighted(check, snapshot, sighting, users, trail=trail))


@once
def _by_check(snapshot: Snapshot) -> Mapping[str, Mapping[str, tuple[LogSighting, bool]]]:
    """Return the first sighting of each failure mode by pod, and whether it is from CloudTrail."""
    sightings = defaultdict[str, dict[str, tuple[LogSighting, bool]]](dict)
    # a whole log includes its end
    for source in (snapshot.agent_logs, snapshot.agent_crashes, snapshot.cloudtrail):
        for pod, section in known_or(source, {}).items():
            for sighting in known_or(section, ()):
                if sighting.id not in TOLD_BY_OTHERS:
                    sightings[sighting.id].setdefault(pod, (sighting, source is snapshot.cloudtrail))
    return sightings


def ends_by(snapshot: Snapshot, pod: Pod) -> str | None:
    """Return the id of the failure mode that crashes the agent's pod, by the end of its log. Empty if the log shows no
    known failure mode, None if it was not read."""
    section = part(snapshot.agent_crashes, f"{pod.namespace}/{pod.name}")
    if not isinstance(section, Known):
        return None
    return next((sighting.id for sighting in section.value if sighting.id not in TOLD_BY_OTHERS), "")


def _sighted(
    check: Check, snapshot: Snapshot, sighting: LogSighting, users: tuple[str, ...], *, trail: bool
) -> Verdict:
    chain = tuple(name for name in sighting.accounts if name in users)
    if not chain and check.link not in _OF_CLIENTS:
        chain = users
    who = f", for {short_list(sighting.accounts)}" if sighting.accounts else ""
    last = f", last {sighting.last:%Y-%m-%d %H:%M:%S} UTC" if sighting.last is not None else ""
    return check.case(Subject("Node", sighting.node), chain).fail(
        f"occurred {count_of(sighting.count, 'time')} in {'CloudTrail' if trail else 'the log of the agent'} "
        f"on node {sighting.node}{last}{who}",
        cut(sighting.sample, 300),
        severity=_severity(check, snapshot, sighting),
        commands=(*_fix(check, snapshot, sighting), podid_command(snapshot, "agent", "logs", "--node", sighting.node)),
    )


def _fix(check: Check, snapshot: Snapshot, sighting: LogSighting) -> tuple[tuple[str, ...], ...]:
    cluster, setting = snapshot.cluster, ""
    if check.id == "agent-probe-port-conflict":
        # the agent serves metrics on all addresses, and probes on localhost
        setting = FREES_METRICS_PORT if "tcp 0.0.0.0:" in sighting.sample else FREES_PROBE_PORT
    elif check.id == "agent-ipv6-bind" and isinstance(cluster, Known) and cluster.value.ip_family == "ipv4":
        setting = IPV4_ONLY
    return (podid_command(snapshot, "install-agent", "--config", setting),) if setting else ()


def _severity(check: Check, snapshot: Snapshot, sighting: LogSighting) -> Severity:
    if check.severity is not Severity.ERROR:
        return check.severity
    recent = sighting.last is None or snapshot.taken_at - sighting.last <= RECENT
    broken = not sighting.running or (recent and check.id not in SEVERAL)
    return importance(snapshot) if broken else Severity.WARN


def only_in_logs(id: str) -> Check:
    """Return the check of a failure mode that only the logs of the agents show."""
    return Check.of(id, _judge, needs=NEEDS, wants=WANTS)


def _judge(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Judge a failure mode that only a log shows. `in_logs` reports the failures."""
    for name, section in known(snapshot.agent_logs).items():
        namespace, _, pod = name.partition("/")
        case = check.case(Subject("Pod", pod, namespace))
        if not isinstance(section, Known):
            yield case.unknown(section, severity=Severity.WARN)
        elif not any(sighting.id == check.id for sighting in section.value):
            yield case.ok("its log of the last hour does not contain this error")
