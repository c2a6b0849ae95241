"""Failures in the logs of the agents."""

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Annotated

from podid.domain.encoding import JsonObject, encode, timestamp
from podid.domain.members import OR_NULL, About, Document, From, Names, TextOrNull
from podid.domain.text import count_of, short_list
from podid.ops.agent.logs import AgentLogs, Written, mode_of_line
from podid.render.view import NOTHING, Column, View, document, table_of

UNKNOWN = "unknown"


def agent_logs_view(logs: AgentLogs) -> View:
    table = table_of(
        logs.tallies,
        ("ID", lambda tally: tally.id or UNKNOWN),
        ("WHAT", lambda tally: "noise" if tally.noise else "failure"),
        (Column("COUNT", right=True), "count"),
        ("FIRST", lambda tally: timestamp(tally.first)),
        ("LAST", lambda tally: timestamp(tally.last)),
        (Column("NODES", folds=1), lambda tally: short_list(sorted(tally.nodes), 3)),
        (Column("REQUESTED BY", folds=2), lambda tally: short_list(logs.affected(tally), 3) or None),
        (Column("LAST LINE", folds=3, prose=True), "sample"),
        empty=f"No failures in {count_of(logs.lines, 'line')} of {count_of(logs.agents, 'agent')}",
        unread=logs.unread,
    )
    names = tuple(tally.id for tally in logs.tallies if tally.id)
    items = [encode(LogTallyBody, tally, affected=logs.affected(tally)) for tally in logs.tallies]
    notes = [f"note: {pod} could not be read: {reason}" for pod, reason in logs.unread[:5]]
    if len(logs.unread) > len(notes):
        notes.append(f"note: {count_of(len(logs.unread) - len(notes), 'more log')} could not be read")
    if logs.auto:
        notes.append(
            f"note: auto-mode-no-agent-logs: {count_of(logs.auto, 'node')} of EKS Auto Mode, whose built-in agent has "
            "no log here"
        )
    notes += [f"note: for details, run podid explain {name}" for name in names[:1]]
    return View(document(AgentLogsDocument, logs, items=items), (table,), names, notes=tuple(notes))


def line_item(written: Written) -> JsonObject:
    return encode(LogLineBody, written)


def raw_line(written: Written) -> str:
    return f"{written.node} {written.text}"


def triaged_line(written: Written) -> str:
    mode, noise = _mode(written)
    label = f"{mode or UNKNOWN}{' (noise)' if noise else ''}"
    return f"{timestamp(written.time) or NOTHING} {written.node} {label}: {written.line.message}"


def _mode(written: Written) -> tuple[str, bool]:
    """Return the failure mode that the line shows, and whether that is noise."""
    return mode_of_line(written.line) or ("", False)


def line_list_view(cluster: str, lines: Sequence[Written]) -> View:
    table = table_of(
        lines,
        ("TIME", lambda line: timestamp(line.time)),
        ("NODE", "node"),
        (Column("LINE", prose=True), "text"),
        empty="no line",
    )
    body = document(AgentLogLinesDocument, cluster_name=cluster, items=lines)
    return View(body, (table,), tuple(dict.fromkeys(x.pod for x in lines)))


class LogTallyBody(Document):
    id: Annotated[str, OR_NULL, About("The failure mode; null for an unknown failure.")]
    noise: Annotated[bool, About("Whether the line is harmless although it looks like a failure.")]
    count: int
    first_seen: Annotated[datetime | None, From("first")]
    last_seen: Annotated[datetime | None, From("last")]
    nodes: Annotated[Names, From(lambda tally: sorted(tally.nodes))]
    affected: Annotated[
        Names, About("The pods that requested credentials, or their IP addresses if no pod has these now.")
    ]
    sample: Annotated[str, About("The last such line, shortened.")]


class LogUnreadBody(Document):
    pod: Annotated[str, From(itemgetter(0))]
    reason: Annotated[str, From(itemgetter(1))]


class AgentLogsDocument(Document, kind="AgentLogs"):
    """`podid agent logs`: failures first, noise last."""

    cluster_name: Annotated[str, From("cluster")]
    since_seconds: Annotated[
        int | None, From(lambda logs: None if logs.since is None else int(logs.since.total_seconds()))
    ]
    agents: Annotated[int, About("Number of logs that were read.")]
    lines: int
    auto_mode_nodes: Annotated[int, From("auto"), About("Nodes of EKS Auto Mode, whose built-in agent has no log.")]
    unread: Sequence[LogUnreadBody]
    items: Sequence[LogTallyBody]


class LogLineBody(Document):
    time: datetime | None
    node: str
    pod: str
    id: Annotated[str, OR_NULL, From(lambda written: _mode(written)[0]), About("The failure mode that the line shows.")]
    noise: Annotated[bool, From(lambda written: _mode(written)[1])]
    level: Annotated[TextOrNull, From("line.level")]
    text: str


class AgentLogLinesDocument(Document, kind="AgentLogLines"):
    """`podid agent logs --raw`."""

    cluster_name: str
    items: Sequence[LogLineBody]
