"""Run a podid command line in process, for a tool of the MCP server, and keep the plans that may be applied."""

import hashlib
import io
import json
import math
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from podid.cli.access import Access
from podid.cli.boundary import main
from podid.cli.hints import options_by_name, with_flags
from podid.cli.runtime import Runtime, Streams
from podid.cli.server.tools import APPLY, PLAN, PLANS, Arguments, Tool, change_line
from podid.domain.errors import Conflict, ExitCode, InvalidInput, NotFound, PodidError, UsageError
from podid.domain.text import utc
from podid.ops.declare.files import read_declarations

# a plan that is older must be made again
PLAN_SECONDS = 900.0
_CANCELLED = "The call was cancelled."
# members of the plan of a declaration
_CHANGES = ("created", "changed", "pruned", "conflicts")


@dataclass(frozen=True, slots=True)
class Answer:
    """The document of a call and the notes on stderr, or the error in words."""

    document: dict[str, Any] | None
    text: str = ""
    notes: str = ""


@dataclass(frozen=True, slots=True)
class _Planned:
    argv: tuple[str, ...]
    stdin: str
    digest: str
    until: float


@dataclass(slots=True)
class Calls:
    """The calls of one server. `fixed` are the options about the place that the owner has specified."""

    runtime: Runtime
    fixed: Sequence[str] = ()
    allow_write: bool = False
    _plans: dict[str, _Planned] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, tool: Tool, arguments: Arguments, cancelled: threading.Event) -> Answer:
        """Return the answer of a tool. Cancelling ends the command as its deadline would."""
        try:
            if tool in PLANS:
                return self._plan(tool, arguments, cancelled)
            if tool is APPLY:
                return self._apply(str(arguments.get("plan_id") or ""), cancelled)
            argv, stdin = tool.command_line(arguments)
            if tool.sends and stdin:
                argv.append("-")
            return self._run(argv, cancelled, stdin)
        except PodidError as error:
            return Answer(None, _words("\n".join((error.message, *error.lines)), error.advice))

    def _run(self, argv: Sequence[str], cancelled: threading.Event, stdin: str = "") -> Answer:
        if cancelled.is_set():
            return Answer(None, _CANCELLED)
        known = options_by_name(argv)
        fixed = (word for word in self.fixed if word.partition("=")[0] in known)
        whole = with_flags(tuple(argv), *fixed, "--output=json")
        stdout, stderr = io.StringIO(), io.StringIO()
        streams = Streams(io.StringIO(stdin), stdout, stderr, stdin_tty=False, stdout_tty=False, stderr_tty=False)
        runtime = Runtime(
            streams=streams,
            env={**self.runtime.env, "CI": "1"},
            now=self.runtime.now,
            monotonic=lambda: math.inf if cancelled.is_set() else time.monotonic(),
            sleep=lambda seconds: _sleep(seconds, cancelled),
            argv=whole,
            of_client=True,
        )
        code = main(list(whole), runtime)
        if cancelled.is_set():  # the client no longer waits, and reads were cut short
            return Answer(None, _CANCELLED)
        return _answer(stdout.getvalue(), stderr.getvalue(), code)

    def _plan(self, tool: Tool, arguments: Arguments, cancelled: threading.Event) -> Answer:
        argv, stdin = (change_line(arguments), "") if tool is PLAN else tool.command_line(arguments)
        if stdin:
            _check_declaration(stdin)
        answer = self._run(with_flags(tuple(argv), "--dry-run"), cancelled, stdin)
        if answer.document is None:
            return answer
        if answer.document["kind"] != tool.kind:
            raise InvalidInput(
                "The declaration has several clusters", advice="Specify one of them in the argument cluster."
            )
        plan_id, expires = None, None
        if self.allow_write and _changes(answer.document):
            plan_id = secrets.token_hex(8)
            expires = utc(self.runtime.now() + timedelta(seconds=PLAN_SECONDS))
            until = time.monotonic() + PLAN_SECONDS
            with self._lock:
                self._plans[plan_id] = _Planned(tuple(argv), stdin, digest_of(answer.document), until)
        return replace(answer, document={"planId": plan_id, "expiresAt": expires, "plan": answer.document})

    def _apply(self, plan_id: str, cancelled: threading.Event) -> Answer:
        if not plan_id:
            raise InvalidInput("Argument 'plan_id' is required")
        with self._lock:
            planned = self._plans.pop(plan_id, None)
        if planned is None:
            raise NotFound(f"Plan {plan_id} does not exist or was applied", advice="Call plan again.", subject=plan_id)
        if time.monotonic() > planned.until:
            raise Conflict(f"Plan {plan_id} has expired", advice="Call plan again.", subject=plan_id)
        now = self._run(with_flags(planned.argv, "--dry-run"), cancelled, planned.stdin)
        if now.document is None:
            return now
        if digest_of(now.document) != planned.digest:
            message = f"The state has changed since plan {plan_id}: the plan would now have other actions"
            raise Conflict(message, advice="Call plan again.", subject=plan_id)
        return self._run(with_flags(planned.argv, "--yes"), cancelled, planned.stdin)


def fixed_options(access: Access) -> list[str]:
    """Return the options of `podid mcp` that apply to each call."""
    flags = {name: source for name, source in access.sources.items() if source.startswith("--")}
    return [f"{source}={getattr(access.shared, name)}" for name, source in flags.items() if name != "output"]


def digest_of(plan: Mapping[str, Any]) -> str:
    """Return the identity of a plan: its actions, with the caller and the place."""
    parts = {name: plan.get(name) for name in ("callerArn", "account", "region", "cluster", "actions", *_CHANGES)}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _changes(plan: Mapping[str, Any]) -> bool:
    """Return whether a plan, also one of a declaration, changes something."""
    return any(map(plan.get, _CHANGES)) or any(action["status"] != "unchanged" for action in plan.get("actions", ()))


def _sleep(seconds: float, cancelled: threading.Event) -> None:
    cancelled.wait(seconds)


def _check_declaration(text: str) -> None:
    """Raise as `read_declarations` for a mistake, and UsageError for a policy in a file: a client reads no files."""

    def read(name: str) -> str:
        if name == "-":
            return text
        raise UsageError(
            f"The declaration reads file {name}", advice="Specify the policy in the field document instead."
        )

    read_declarations(("-",), {}, read_file=read)


def _answer(stdout: str, stderr: str, code: int) -> Answer:
    notes = stderr.strip()
    if stdout.strip():
        failed = f"exit code {code}" if code != ExitCode.OK else ""
        return Answer(json.loads(stdout), notes="\n".join(filter(None, (failed, notes))))
    try:
        error = json.loads(notes.splitlines()[-1])["error"]
    except (ValueError, LookupError, TypeError):
        return Answer(None, notes or f"podid ended with exit code {code}")
    return Answer(None, _words(error["message"], error.get("advice") or "", error.get("hint") or ""))


def _words(message: str, advice: str = "", hint: str = "") -> str:
    return "\n".join(filter(None, (message, advice, f"Try: {hint}" if hint else "")))
