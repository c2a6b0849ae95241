"""What the agents' logs show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.text import count_of, short_list
from podid.ops.agent.logs import AgentLogs, Written, mode_of_line
from podid.render.view import NOTHING, Column, Table, View, columns, document, timestamp

if TYPE_CHECKING:
    from podid.render.documents import agent as documents

UNKNOWN = "unknown"


def agent_logs_view(found: AgentLogs) -> View:
    items: list[documents.LogTallyBody] = [
        {
            "id": tally.id or None,
            "noise": tally.noise,
            "count": tally.count,
            "firstSeen": timestamp(tally.first),
            "lastSeen": timestamp(tally.last),
            "nodes": tuple(sorted(tally.nodes)),
            "affected": found.affected(tally),
            "sample": tally.sample,
        }
        for tally in found.tallies
    ]
    body: documents.AgentLogsDocument = {
        "kind": "AgentLogs",
        "clusterName": found.cluster,
        "sinceSeconds": None if found.since is None else int(found.since.total_seconds()),
        "agents": found.agents,
        "lines": found.lines,
        "autoModeNodes": found.auto,
        "unread": [{"pod": pod, "reason": reason} for pod, reason in found.unread],
        "items": items,
    }
    rows = tuple(
        (
            tally.id or UNKNOWN,
            "noise" if tally.noise else "failure",
            str(tally.count),
            _time(tally.first),
            _time(tally.last),
            short_list(sorted(tally.nodes), 3),
            short_list(found.affected(tally), 3) or NOTHING,
            tally.sample,
        )
        for tally in found.tallies
    )
    shown = (
        *columns("ID", "WHAT"),
        Column("COUNT", right=True),
        *columns("FIRST", "LAST"),
        Column("NODES", folds=1),
        Column("ASKED BY", folds=2),
        Column("LAST LINE", folds=3, prose=True),
    )
    empty = f"no failure in {count_of(found.lines, 'line')} of {count_of(found.agents, 'agent')}"
    names = tuple(tally.id for tally in found.tallies if tally.id)
    return View(document(body), (Table(shown, rows, empty=empty),), names)


def notes(found: AgentLogs) -> list[str]:
    told = [f"note: {pod} could not be read: {reason}" for pod, reason in found.unread[:5]]
    if len(found.unread) > len(told):
        told.append(f"note: and {len(found.unread) - len(told)} more logs could not be read")
    if found.auto:
        told.append(
            f"note: auto-mode-no-agent-logs: {count_of(found.auto, 'node')} of EKS Auto Mode, whose agent is built in "
            "and has no log here"
        )
    if found.tallies:
        known = next((tally.id for tally in found.tallies if tally.id), "")
        if known:
            told.append(f"note: podid explain {known} says what it means")
    return told


def line_item(written: Written) -> documents.LogLineBody:
    found = mode_of_line(written.line)
    return {
        "time": timestamp(written.time),
        "node": written.node,
        "pod": written.pod,
        "id": found[0] or None if found is not None else None,
        "noise": found is not None and found[1],
        "level": written.line.level or None,
        "text": written.text,
    }


def raw_line(written: Written) -> str:
    return f"{written.node} {written.text}"


def triaged_line(written: Written) -> str:
    found = mode_of_line(written.line)
    mode, noise = found if found is not None else ("", False)
    what = f"{mode or UNKNOWN}{' (noise)' if noise else ''}"
    return f"{_time(written.time)} {written.node} {what}: {written.line.message}"


def line_list_view(cluster: str, lines: Sequence[Written]) -> View:
    body: documents.AgentLogLinesDocument = {
        "kind": "AgentLogLines",
        "clusterName": cluster,
        "items": [line_item(written) for written in lines],
    }
    rows = tuple((_time(line.time), line.node, line.text) for line in lines)
    shown = (*columns("TIME", "NODE"), Column("LINE", prose=True))
    return View(document(body), (Table(shown, rows, empty="no line"),), tuple(dict.fromkeys(x.pod for x in lines)))


def _time(moment: datetime | None) -> str:
    return timestamp(moment) or NOTHING
