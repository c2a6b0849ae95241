"""The server over stdio: a session of the SDK's own client."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import anyio
import jsonschema

from cli.server.calling import text
from podid.cli.server.tools import EVERY
from worlds import Site


async def _session(env: Mapping[str, str], *flags: str) -> dict[str, Any]:
    """One session of a client that reads, fails, plans and applies."""
    from mcp.client.client import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    argv = ["-m", "podid", "mcp", *flags]
    server = StdioServerParameters(command=sys.executable, args=argv, env={**os.environ, **env})
    results: dict[str, Any] = {}
    async with Client(stdio_client(server)) as client:
        results["tools"] = (await client.list_tools()).tools
        names = {tool.name for tool in results["tools"]}
        results["whoami"] = await client.call_tool("whoami", {})
        results["list"] = await client.call_tool("list", {"namespace": "payments"})
        results["doctor"] = await client.call_tool("doctor", {})
        results["missing"] = await client.call_tool("show", {"service_account": "shop/nosuch"})
        results["explain"] = await client.call_tool("explain", {"text": "association-sa-not-found"})
        change = {"change": "associate", "service_accounts": ["shop/orders"], "role": "storefront"}
        results["plan"] = await client.call_tool("plan", change)
        if "apply" in names:
            planned = results["plan"].structured_content["planId"]
            results["apply"] = await client.call_tool("apply", {"plan_id": planned})
            results["again"] = await client.call_tool("apply", {"plan_id": planned})
            results["listed"] = await client.call_tool("list", {"service_accounts": ["shop/orders"]})
    return results


def test_a_session_of_the_sdks_client(site: Site) -> None:
    site.with_samples()
    site.box.world.delays.association = 0.0
    site.clock.go_on()  # the server is a process with a clock of its own
    results = anyio.run(_session, site.env, "--allow-write", "--timeout", "60s")
    tools = {tool.name: tool for tool in results["tools"]}
    assert {*tools} == {tool.name for tool in EVERY} - {"verify"}
    for name, tool in tools.items():
        hints = tool.annotations
        assert None not in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
        assert (hints.read_only_hint, hints.destructive_hint) == ((False, True) if name == "apply" else (True, False))
    for name in ("whoami", "list", "doctor", "explain", "plan", "apply"):
        result = results[name]
        assert not result.is_error, (name, text(result))
        jsonschema.Draft202012Validator(tools[name].output_schema).validate(result.structured_content)
        assert json.loads(result.content[0].text) == result.structured_content
    assert results["doctor"].structured_content["findings"]
    assert "exit code 3" in text(results["doctor"])
    assert (results["missing"].is_error, "shop/nosuch" in text(results["missing"])) == (True, True)
    assert results["plan"].structured_content["plan"]["actions"]
    assert (results["again"].is_error, "does not exist or was applied" in text(results["again"])) == (True, True)
    assert [item["serviceAccount"] for item in results["listed"].structured_content["items"]] == ["orders"]
