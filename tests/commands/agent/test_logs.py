"""`podid agent logs`."""

import json

from ops.agent.support import nodes, say
from worlds import Site

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


def test_a_healthy_log_shows_nothing(healthy: Site) -> None:
    say(healthy, nodes(healthy)[0], "Successfully fetched credentials from EKS Auth", "info")
    result = healthy("agent", "logs", "-o", "json")
    assert (result.code, result.json["items"], result.json["agents"]) == (0, [], 3)
    assert "No failures in" in healthy("agent", "logs").stderr


def test_raw_lines_have_no_control_characters_and_no_tokens(healthy: Site) -> None:
    say(healthy, nodes(healthy)[0], f"\x1b[31m::error::x {TOKEN}")
    shown = healthy.must("agent", "logs", "--raw").stdout
    assert "\x1b" not in shown
    assert TOKEN not in shown
    assert "[token]" in shown
    lines = healthy.must("agent", "logs", "--raw", "-o", "jsonl").stdout.splitlines()
    assert {json.loads(line)["node"] for line in lines} == set(nodes(healthy))
    whole = healthy.must("agent", "logs", "--raw", "-o", "json").json
    assert len(whole["items"]) == len(lines)


def test_followed_lines_come_once(healthy: Site) -> None:
    node = nodes(healthy)[0]
    spoken: list[str] = []

    def talk(_: float) -> None:
        if len(spoken) < 3:
            spoken.append(f"failure number {len(spoken)}")
            say(healthy, node, spoken[-1], ago=0)

    healthy.on_sleep = talk
    outcome = healthy("agent", "logs", "--follow", "--since", "1s", "--timeout", "20s", "-o", "jsonl")
    assert outcome.code == 0
    assert [json.loads(line)["text"] for line in outcome.stdout.splitlines()] != []
    message = [json.loads(json.loads(line)["text"])["msg"] for line in outcome.stdout.splitlines()]
    assert message == spoken
    assert healthy("agent", "logs", "--follow", "-o", "json").code == 2
    spoken.clear()
    lines = healthy("agent", "logs", "--follow", "--since", "1s", "--timeout", "20s", env={"PODID_OUTPUT": "json"})
    assert (lines.code, "failure number" in lines.stdout) == (0, True)
