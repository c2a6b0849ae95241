"""Failures in the agents' logs as text and as documents."""

import json
from datetime import timedelta
from typing import Any

from checks.builder import NOW
from podid.facts.agent_logs import parse
from podid.ops.agent.logs import AgentLogs, Tally, Written
from podid.render.agent_logs import agent_logs_view, line_item, line_list_view, raw_line, triaged_line
from podid.render.formats import to_json
from podid.render.view import View

THROTTLED = '{"level":"info","msg":"Rate limited! Will try to keep creds locally"}'


def written(line: str, node: str = "node-1") -> Written:
    return Written(f"agent-{node}", node, NOW, parse(line))


def logs(*tallies: Tally, **members: Any) -> AgentLogs:
    whole: dict[str, Any] = {"cluster": "demo", "since": timedelta(hours=1), "agents": 2, "lines": 7, "pods": {}}
    return AgentLogs(tallies=tallies, **(whole | members))


def document(view: View) -> Any:
    return json.loads(to_json(view.document))


def test_a_row_for_each_failure_mode() -> None:
    nodes, clients = {"node-2", "node-1"}, {"10.0.0.7", "10.0.0.9"}
    known = Tally("eks-auth-throttled", False, 3, NOW, NOW, nodes, clients, "Rate limited!")
    unknown = Tally("", False, 1, NOW, NOW, {"node-1"}, sample="odd")
    noise = Tally("agent-expired-token-noise", True, 2, NOW, NOW, {"node-1"}, sample="expired")
    view = agent_logs_view(logs(known, unknown, noise, pods={"10.0.0.7": "shop/orders-1"}))
    rows = [[str(cell) for cell in row] for row in view.tables[0].rows]
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("eks-auth-throttled", "failure", "3"),
        ("unknown", "failure", "1"),
        ("agent-expired-token-noise", "noise", "2"),
    ]
    assert rows[0][5:7] == ["node-1, node-2", "10.0.0.9, shop/orders-1"]
    assert view.names == ("eks-auth-throttled", "agent-expired-token-noise")
    body = document(view)
    assert (body["kind"], body["sinceSeconds"], body["agents"]) == ("AgentLogs", 3600, 2)
    assert [(item["id"], item["nodes"]) for item in body["items"]][:2] == [
        ("eks-auth-throttled", ["node-1", "node-2"]),
        (None, ["node-1"]),
    ]
    assert body["items"][0]["affected"] == ["10.0.0.9", "shop/orders-1"]


def test_no_failure() -> None:
    assert agent_logs_view(logs()).tables[0].empty == "No failures in 7 lines of 2 agents"
    assert agent_logs_view(logs()).notes == ()


def test_notes_name_unread_logs_and_the_page_of_the_first_failure() -> None:
    unread = tuple((f"agent-{number}", "denied") for number in range(7))
    lines = list(agent_logs_view(logs(Tally(""), Tally("eks-auth-throttled"), unread=unread, auto=1)).notes)
    assert lines[0] == "note: agent-0 could not be read: denied"
    assert lines[5:] == [
        "note: 2 more logs could not be read",
        "note: auto-mode-no-agent-logs: 1 node of EKS Auto Mode, whose built-in agent has no log here",
        "note: for details, run podid explain eks-auth-throttled",
    ]


def test_lines_as_text_and_as_items() -> None:
    line = written(THROTTLED)
    assert raw_line(line) == f"node-1 {THROTTLED}"
    assert triaged_line(line).endswith(" node-1 eks-auth-throttled: Rate limited! Will try to keep creds locally")
    expired = "Removing credentials from cache, got non recoverable error: ExpiredTokenException: The token has expired"
    noise = written(json.dumps({"level": "error", "msg": expired}))
    assert " node-1 agent-expired-token-noise (noise): " in triaged_line(noise)
    assert " node-1 unknown: odd" in triaged_line(written('{"level":"error","msg":"odd"}'))
    item = json.loads(to_json(line_item(line)))
    assert (item["id"], item["noise"], item["level"], item["node"]) == ("eks-auth-throttled", False, "info", "node-1")
    view = line_list_view("demo", [line, line, written("plain words", "node-2")])
    assert view.names == ("agent-node-1", "agent-node-2")
    assert [(item["id"], item["text"]) for item in document(view)["items"]][2] == (None, "plain words")
