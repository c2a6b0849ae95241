"""The agents' logs: read concurrently and classified into failure modes with counts, or line by line."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from podid.calls import pacing
from podid.calls.patience import Patience
from podid.domain.cluster import Container, Pod
from podid.domain.errors import AccessDenied, ExitCode, NotFound, Other, PodidError, Rejected, Unavailable
from podid.domain.names import AGENT_ADDON
from podid.domain.plan import Place
from podid.domain.text import did_you_mean
from podid.domain.workloads import live, pods_of
from podid.facts.agent_logs import LogLine, parse, rule_of
from podid.kube.reader import KubeReader
from podid.ops.clients import Clients

# a log may have 4 MiB, which are kept in memory while it is read
_AT_ONCE = 8
_PAUSE_SECONDS = 2.0
FOLLOW_SECONDS = 30 * 86400.0
# with a limit of bytes alone, the API server omits the newest lines of a long log
_MOST_LINES = 5_000
# the only failure that the agent logs below the level of a warning
_QUIET = ("eks-auth-throttled",)


@dataclass(frozen=True, slots=True)
class Written:
    """One line of one agent."""

    pod: str
    node: str
    time: datetime | None
    line: LogLine

    @property
    def text(self) -> str:
        return self.line.text


@dataclass(slots=True)
class Tally:
    """The occurrences of a failure mode: how often, on which nodes, for which pods. An empty `id` is an unknown
    failure; `noise` looks like a failure and is none. `clients` are the addresses of the requesting pods."""

    id: str
    noise: bool = False
    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    nodes: set[str] = field(default_factory=set)
    clients: set[str] = field(default_factory=set)
    sample: str = ""

    @classmethod
    def of(cls, written: Written, mode: str, *, noise: bool) -> Tally:
        client = written.line.fields.get("client-addr", "")
        address = client.rpartition(":")[0].strip("[]") or client
        clients = {address} if address else set[str]()
        error = written.line.fields.get("error", "")
        sample = f"{written.line.message}{f': {error}' if error else ''}"[:400]
        return cls(mode, noise, 1, written.time, written.time, {written.node}, clients, sample)

    def join(self, other: Tally) -> None:
        self.count += other.count
        self.nodes |= other.nodes
        self.clients |= other.clients
        if other.last is not None and (self.last is None or other.last >= self.last):
            self.last, self.sample = other.last, other.sample
        moments = [moment for moment in (self.first, other.first) if moment is not None]
        self.first = min(moments, default=None)
        self.sample = self.sample or other.sample


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLogs:
    """`tallies` in the order known, unknown, noise. `pods` maps a client's address to the pod that has it now. `unread`
    are (agent pod, reason); `auto` counts nodes with the built-in agent, whose log is not available."""

    cluster: str
    since: timedelta | None
    tallies: tuple[Tally, ...]
    agents: int
    lines: int
    pods: Mapping[str, str]
    unread: tuple[tuple[str, str], ...] = ()
    auto: int = 0

    @property
    def exit_code(self) -> ExitCode:
        if any(not tally.noise for tally in self.tallies):
            return ExitCode.ATTENTION
        return ExitCode.UNDETERMINED if self.unread else ExitCode.OK

    def affected(self, tally: Tally) -> tuple[str, ...]:
        """Return the requesting pods, by name if the address belongs to a pod now."""
        return tuple(sorted(self.pods.get(client, client) for client in tally.clients))


@dataclass(frozen=True, slots=True)
class Triage:
    """The failure modes in one agent's log, by id, and its number of lines."""

    tallies: Mapping[str, Tally]
    lines: int


def mode_of_line(line: LogLine) -> tuple[str, bool] | None:
    """Return (failure mode's id, noise) of a line; an empty id for an unknown failure, None for no failure."""
    rule = rule_of(line.text)
    if rule is not None and (line.level not in ("info", "debug", "trace") or rule.id in _QUIET):
        return rule.id, rule.noise
    return ("", False) if line.bad else None


def find_agents(clients: Clients, place: Place, nodes: Collection[str]) -> tuple[tuple[Pod, ...], tuple[Pod, ...], int]:
    """Return (agent pods on the named nodes, or all; every pod of the cluster, if they may be listed; number of Auto
    Mode nodes). Raise NotFound for a node that does not exist, and if no agent runs. Without permission to list nodes,
    which AmazonEKSViewPolicy does not grant, nodes with pods count."""
    reader = clients.kube.reader
    sets = reader.list_agent_daemon_sets()
    try:
        everybody = reader.list_pods()
        agents = pods_of(sets, everybody)
    except PodidError:
        everybody, agents = (), reader.list_pods_of(sets)
    try:
        known = reader.list_nodes()
    except PodidError:
        known = ()
    names = {node.name for node in known} or {pod.node for pod in (*everybody, *agents) if pod.node}
    for name in nodes:
        if name not in names:
            unlisted = f"No pod was found on node {name}, and nodes could not be listed"
            message = f"{f'Node {name} does not exist' if known else unlisted}{did_you_mean(name, sorted(names))}"
            raise NotFound(message, hint=Other(("agent", "nodes")), subject=name)
    chosen = tuple(pod for pod in agents if pod.node and (not nodes or pod.node in nodes))
    auto = sum(node.compute_type == "auto" for node in known if not nodes or node.name in nodes)
    if not chosen and not auto:
        where = f" on {', '.join(sorted(nodes))}" if nodes else f" in cluster {place.cluster_name}"
        raise NotFound(f"No agent pod runs{where}", hint=Other(("agent", "nodes")), subject=AGENT_ADDON)
    return chosen, everybody, auto


def read_logs(clients: Clients, place: Place, *, nodes: Collection[str], since: timedelta | None) -> AgentLogs:
    """Raise the error that prevents finding the agents; a log that cannot be read is in the result."""
    agents, everybody, auto = find_agents(clients, place, nodes)
    total: dict[str, Tally] = {}
    unread: list[tuple[str, str]] = []
    lines = 0
    for pod, triage in triaged(clients.kube.reader, agents, since):
        if isinstance(triage, PodidError):
            unread.append((f"{pod.namespace}/{pod.name}", triage.message))
            continue
        lines += triage.lines
        for key, tally in triage.tallies.items():
            total.setdefault(key, Tally(tally.id, tally.noise)).join(tally)
    ordered = sorted(total.values(), key=lambda tally: (tally.noise, not tally.id, -tally.count, tally.id))
    return AgentLogs(
        cluster=place.cluster_name,
        since=since,
        tallies=tuple(ordered),
        agents=len(agents) - len(unread),
        lines=lines,
        pods=pods_by_address(everybody),
        unread=tuple(sorted(unread)),
        auto=auto,
    )


def pods_by_address(pods: Sequence[Pod]) -> dict[str, str]:
    """Return the pod that has each address now. Pods with host network share the node's address, and an ended pod has
    returned its own, although its status still contains it."""
    own = (pod for pod in pods if not pod.host_network and pod.phase not in ("Succeeded", "Failed"))
    return {ip: f"{pod.namespace}/{pod.name}" for pod in own for ip in pod.ips}


def triaged(
    reader: KubeReader, agents: Sequence[Pod], since: timedelta | None
) -> Iterator[tuple[Pod, Triage | PodidError]]:
    """Yield (agent pod, its failures) as logs are read; the error in place of a log that cannot be read."""
    turn = threading.Semaphore(_AT_ONCE)

    def triage(pod: Pod) -> Triage:
        tallies: dict[str, Tally] = {}
        count = 0
        with turn:
            for written in _all_lines(reader, pod, since):
                count += 1
                if (shown := mode_of_line(written.line)) is not None:
                    mode, noise = shown
                    tallies.setdefault(mode, Tally(mode, noise)).join(Tally.of(written, mode, noise=noise))
        return Triage(tallies, count)

    return pacing.fan_out(pacing.attempt(triage), agents)


def _all_lines(reader: KubeReader, pod: Pod, since: timedelta | None) -> Iterator[Written]:
    """Return the logs of all containers, including failing init containers."""
    yield from _lines(reader, pod, since)
    for container in _in_the_way(pod):
        text = ""
        with suppress(NotFound, Rejected):  # it has not run yet
            text = reader.read_log(pod.namespace, pod.name, container=container.name, tail=200, timestamps=True)
        yield from (_written(pod, line) for line in text.splitlines() if line)


def _in_the_way(pod: Pod) -> list[Container]:
    """Return the init containers that keep the pod from starting."""
    return [c for c in pod.containers if c.init and not pod.ready and (c.waiting or c.restarts or c.exit_code)]


def _lines(reader: KubeReader, pod: Pod, since: timedelta | None) -> Iterator[Written]:
    """Return the lines of a container, including those of the previous container after a crash."""
    seconds = None if since is None else math.ceil(since.total_seconds())
    container = next((c for c in pod.containers if not c.init), None)
    if container is None:
        return
    crashed = container.restarts > 0 and not container.ready
    for previous in (True, False) if crashed else (False,):
        try:
            name = container.name
            text = reader.read_log(
                pod.namespace,
                pod.name,
                container=name,
                since_seconds=seconds,
                tail=_MOST_LINES,
                previous=previous,
                timestamps=True,
            )
        except (NotFound, Rejected):
            if not previous and not _in_the_way(pod):
                raise
            continue  # it is not kept for long, or the container has not begun
        yield from (_written(pod, line) for line in text.splitlines() if line)


def _written(pod: Pod, line: str) -> Written:
    """Parse a line of the API, which begins with a timestamp."""
    # RFC 3339 with nanoseconds, of which Python takes six digits
    stamp = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)\d*(Z|[+-]\d\d:\d\d)(?: |$)", line)
    if stamp is None:
        parsed = parse(line)
        return Written(pod.name, pod.node, parsed.time, parsed)
    moment = datetime.fromisoformat(stamp[1] + stamp[2].replace("Z", "+00:00")).astimezone(UTC)
    return Written(pod.name, pod.node, moment, parse(line[stamp.end() :]))


def each_line(clients: Clients, place: Place, *, nodes: Collection[str], since: timedelta | None) -> Iterator[Written]:
    """Yield every line, log by log. Then raise the first error of a log that could not be read."""
    agents, _, _ = find_agents(clients, place, nodes)
    failure: PodidError | None = None
    for pod in agents:
        try:
            yield from _all_lines(clients.kube.reader, pod, since)
        except PodidError as error:
            failure = failure or error
    if failure is not None:
        raise failure


def follow(
    clients: Clients, place: Place, patience: Patience, *, nodes: Collection[str], since: timedelta
) -> Iterator[Written]:
    """Yield new lines until `patience` ends, also of agents that start later. A read without an answer is repeated in
    the next round. Raise AccessDenied for a log that cannot be read."""
    reader, earlier = clients.kube.reader, _PrintedLines(patience.clock.now() - since)
    turn = threading.Semaphore(_AT_ONCE)

    def fresh(pod: Pod) -> list[Written]:
        with turn:
            return list(_lines(reader, pod, patience.clock.now() - earlier.until(pod) + timedelta(seconds=1)))

    agents, _, _ = find_agents(clients, place, nodes)
    for number, _ in enumerate(patience.rounds(_PAUSE_SECONDS)):
        if number:
            with suppress(Unavailable):
                agents = tuple(pod for pod in reader.list_agent_pods() if pod.node and (not nodes or pod.node in nodes))
        came: list[Written] = []
        for pod, lines in pacing.fan_out(pacing.attempt(fresh), agents):
            if isinstance(lines, AccessDenied):
                raise lines
            if not isinstance(lines, PodidError):
                came += earlier.new(pod, lines)
        yield from sorted(came, key=lambda written: (written.time or datetime.fromtimestamp(0, UTC), written.node))


@dataclass(slots=True)
class _PrintedLines:
    """The lines that were already printed: the API accepts whole seconds only, so it returns some lines twice."""

    begin: datetime
    last: dict[str, datetime] = field(default_factory=dict)
    printed: dict[str, set[str]] = field(default_factory=dict)

    def until(self, pod: Pod) -> datetime:
        return self.last.get(pod.uid, self.begin)

    def new(self, pod: Pod, lines: Sequence[Written]) -> list[Written]:
        last, printed = self.until(pod), self.printed.setdefault(pod.uid, set())
        came = []
        for written in lines:
            moment = written.time or last
            if moment > last:
                last = moment
                printed.clear()
            elif moment < last or written.line.text in printed:
                continue
            printed.add(written.line.text)
            came.append(written)
        self.last[pod.uid] = last
        return came


_LINES = 50


def crashing(pod: Pod) -> tuple[Container, ...]:
    """Return the containers of a pod that is not ready that crash repeatedly; they may run for a moment in between."""
    if pod.ready or not live(pod):
        return ()
    return tuple(c for c in pod.containers if c.restarts and not c.ready)


def end_of_log(reader: KubeReader, pod: Pod, container: str) -> list[str]:
    """Return the last lines of the container's previous run, else of the current one; empty without a log. Raise the
    error that prevents reading it."""
    for previous in (True, False):
        with suppress(NotFound, Rejected):
            text = reader.read_log(pod.namespace, pod.name, container=container, tail=_LINES, previous=previous)
            if text.strip():
                return text.splitlines()
    return []
