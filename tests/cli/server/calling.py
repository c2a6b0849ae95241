"""Calls of a tool in process."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from podid.cli.runtime import Runtime, Streams
from podid.cli.server.calls import Calls
from podid.cli.server.tools import EVERY, Tool
from worlds import Site

if TYPE_CHECKING:
    from mcp_types import CallToolResult

BY_NAME: Mapping[str, Tool] = {tool.name: tool for tool in EVERY}


def text(result: "CallToolResult") -> str:
    return "\n".join(getattr(item, "text", "") for item in result.content)


def calls_of(site: Site, *fixed: str, allow_write: bool = False, now: Callable[[], datetime] | None = None) -> Calls:
    closed: Any = None
    streams = Streams(closed, closed, closed, stdin_tty=False, stdout_tty=False, stderr_tty=False)
    runtime = Runtime(streams=streams, env=site.env, now=now or partial(datetime.now, UTC))
    return Calls(runtime, fixed, allow_write=allow_write)


def call(calls: Calls, name: str, **arguments: Any) -> Any:
    return calls.call(BY_NAME[name], arguments, threading.Event())
