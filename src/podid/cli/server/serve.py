"""Serve the tools over MCP on stdin and stdout. The only module that imports the SDK, an extra of podid."""

import io
import json
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

import anyio
import anyio.to_thread
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as ServedTool

from podid.cli.server.calls import Answer, Calls
from podid.cli.server.tools import PLACE, Tool, output_schema
from podid.version import VERSION

_INSTRUCTIONS = (
    "podid administers Amazon EKS Pod Identity: IAM roles for Kubernetes service accounts. Begin with doctor for a "
    "failure. Unknown is neither healthy nor broken. A change is a plan first; show it to the user before apply."
)


def serve(calls: Calls, tools: Sequence[Tool]) -> None:
    """Serve until stdin is closed. Other output of this process on stdout goes to stderr."""
    wire = os.dup(1)
    os.dup2(2, 1)
    try:
        with open(wire, "w", encoding="utf-8", newline="\n", closefd=False) as stream:
            anyio.run(_serve, calls, tools, stream)
    finally:
        sys.stdout = io.StringIO()  # of what a library has not flushed, nothing may reach the client at exit
        os.close(wire)


async def _serve(calls: Calls, tools: Sequence[Tool], wire: Any) -> None:
    by_name = {tool.name: tool for tool in tools}

    async def list_tools(_: Any, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_served(tool, calls) for tool in tools])

    async def call_tool(_: Any, params: CallToolRequestParams) -> CallToolResult:
        tool = by_name.get(params.name)
        if tool is None:
            return _result(Answer(None, f"There is no tool {params.name}"))
        cancelled = threading.Event()

        def run() -> Answer:
            return calls.call(tool, params.arguments or {}, cancelled)

        try:
            return _result(await anyio.to_thread.run_sync(run, abandon_on_cancel=True))
        finally:
            cancelled.set()

    server = Server(
        "podid", version=VERSION, instructions=_INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool
    )
    async with stdio_server(stdout=anyio.wrap_file(wire)) as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def _served(tool: Tool, calls: Calls) -> ServedTool:
    fixed = {word.partition("=")[0] for word in calls.fixed}
    parameters = [item for item in tool.parameters if item not in PLACE or item.option not in fixed]
    return ServedTool(
        name=tool.name,
        title=tool.title,
        description=tool.about,
        input_schema={
            "type": "object",
            "properties": {item.name: item.schema for item in parameters},
            "required": [item.name for item in parameters if item.required],
            "additionalProperties": False,
        },
        output_schema=output_schema(tool),
        annotations=ToolAnnotations(
            title=tool.title,
            read_only_hint=not tool.destroys,
            destructive_hint=tool.destroys,
            idempotent_hint=not tool.destroys,
            open_world_hint=not tool.local,
        ),
    )


def _result(answer: Answer) -> CallToolResult:
    if answer.document is None:
        return CallToolResult(content=[TextContent(text=answer.text)], is_error=True)
    texts = [json.dumps(answer.document, ensure_ascii=False), *([answer.notes] if answer.notes else [])]
    return CallToolResult(
        content=[TextContent(text=text) for text in texts], structured_content=answer.document, is_error=False
    )
