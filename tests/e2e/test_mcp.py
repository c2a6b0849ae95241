"""`podid mcp`: the SDK's own client talks to the server over stdio, against the sandbox."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import jsonschema
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult

from harness import Podid
from podid.cli.runtime import Runtime, Streams
from podid.cli.server.calls import Calls
from podid.cli.server.serve import output_schema
from podid.cli.server.tools import APPLY, CHANGES, EVERY, PLAN, PLAN_FILE, TOOLS, Tool
from podid.domain.errors import InvalidInput
from worlds import Site

BY_NAME: Mapping[str, Tool] = {tool.name: tool for tool in EVERY}


def text(result: CallToolResult) -> str:
    return "\n".join(getattr(item, "text", "") for item in result.content)


async def _session(env: Mapping[str, str], *flags: str) -> dict[str, Any]:
    """One session of a client that reads, fails, plans and applies."""
    argv = ["-m", "podid", "mcp", *flags]
    server = StdioServerParameters(command=sys.executable, args=argv, env={**os.environ, **env})
    seen: dict[str, Any] = {}
    async with Client(stdio_client(server)) as client:
        seen["tools"] = (await client.list_tools()).tools
        names = {tool.name for tool in seen["tools"]}
        seen["whoami"] = await client.call_tool("whoami", {})
        seen["list"] = await client.call_tool("list", {"namespace": "payments"})
        seen["doctor"] = await client.call_tool("doctor", {})
        seen["missing"] = await client.call_tool("show", {"service_account": "shop/nosuch"})
        seen["explain"] = await client.call_tool("explain", {"text": "association-sa-not-found"})
        change = {"change": "associate", "service_accounts": ["shop/orders"], "role": "storefront"}
        seen["plan"] = await client.call_tool("plan", change)
        if "apply" in names:
            planned = seen["plan"].structured_content["planId"]
            seen["apply"] = await client.call_tool("apply", {"plan_id": planned})
            seen["again"] = await client.call_tool("apply", {"plan_id": planned})
            seen["listed"] = await client.call_tool("list", {"service_accounts": ["shop/orders"]})
    return seen


def test_a_session_of_the_sdks_client(site: Site) -> None:
    site.with_samples()
    site.box.world.delays.association = 0.0
    site.clock.go_on()  # the server is a process with a clock of its own
    seen = anyio.run(_session, site.env, "--allow-write", "--timeout", "60s")
    tools = {tool.name: tool for tool in seen["tools"]}
    assert {*tools} == {tool.name for tool in EVERY} - {"verify"}
    for name, tool in tools.items():
        hints = tool.annotations
        assert None not in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
        assert (hints.read_only_hint, hints.destructive_hint) == ((False, True) if name == "apply" else (True, False))
    for name in ("whoami", "list", "doctor", "explain", "plan", "apply"):
        result = seen[name]
        assert not result.is_error, (name, text(result))
        jsonschema.Draft202012Validator(tools[name].output_schema).validate(result.structured_content)
        assert json.loads(result.content[0].text) == result.structured_content
    assert seen["doctor"].structured_content["findings"]
    assert "exit code 3" in text(seen["doctor"])
    assert (seen["missing"].is_error, "shop/nosuch" in text(seen["missing"])) == (True, True)
    assert seen["plan"].structured_content["plan"]["actions"]
    assert (seen["again"].is_error, "does not exist or was applied" in text(seen["again"])) == (True, True)
    assert [item["serviceAccount"] for item in seen["listed"].structured_content["items"]] == ["orders"]


# --- in process -------------------------------------------------------------------------------------------------------


@pytest.fixture
def entered(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    site.with_samples().enter(monkeypatch)
    return site


def calls_of(site: Site, *fixed: str, allow_write: bool = False) -> Calls:
    closed: Any = None
    streams = Streams(closed, closed, closed, stdin_tty=False, stdout_tty=False, stderr_tty=False)
    return Calls(Runtime(streams=streams, env=site.env), fixed, allow_write=allow_write)


def call(calls: Calls, name: str, **given: Any) -> Any:
    return calls.call(BY_NAME[name], given, threading.Event())


CASES: Mapping[str, dict[str, Any]] = {
    "whoami": {},
    "list": {"service_accounts": ["shop/orders"]},
    "show": {"service_account": "shop/orders"},
    "doctor": {"target": "shop/orders"},
    "explain": {"text": "-- AccessDenied: not authorized to perform sts:TagSession"},
    "trust_check": {"service_account": "shop/orders", "role": "storefront"},
    "can_i": {"service_account": "shop/orders", "actions": ["s3:GetObject"]},
    "verify": {"service_account": "shop/orders"},
}


def test_every_tool_returns_the_document_of_its_schema(entered: Site) -> None:
    assert entered("install-agent").code == 0
    assert entered("associate", "shop/orders", "--role", "storefront", "--update-trust", "--restart", "--yes").code == 0
    assert {*CASES} == {tool.name for tool in TOOLS}
    for name, given in CASES.items():
        answer = call(calls_of(entered), name, **given)
        assert answer.document is not None, (name, answer)
        jsonschema.Draft202012Validator(output_schema(BY_NAME[name])).validate(answer.document)


def test_a_policy_document_is_checked_without_a_file(entered: Site) -> None:
    arn = "arn:aws:eks:us-west-2:111122223333:cluster/demo"
    policy = {"Version": "2012-10-17", "Statement": []}
    given = {"service_account": "shop/orders", "cluster_arn": arn}
    answer = call(calls_of(entered), "trust_check", document=json.dumps(policy), **given)
    assert answer.document["actions"]["sts:AssumeRole"]["verdict"] == "no-match", answer
    assert call(calls_of(entered), "trust_check", document="{", **given).document is None


def test_changes_of_the_state_invalidate_a_plan(entered: Site) -> None:
    calls = calls_of(entered, allow_write=True)
    change = {"change": "associate", "service_accounts": ["shop/orders"], "role": "storefront"}
    plan_id = call(calls, "plan", **change).document["planId"]
    assert entered("associate", "shop/orders", "--role", "storefront", "--wait", "api").code == 0
    refused = call(calls, "apply", plan_id=plan_id)
    assert (refused.document, "The state has changed since plan" in refused.text) == (None, True)
    nothing = call(calls, "plan", **change).document
    assert nothing["planId"] is None


def test_every_change_is_planned_and_roles_are_changed(entered: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The apply of a plan needs no further arguments. The session above applies an association."""
    monkeypatch.setattr("podid.cli.server.calls._sleep", lambda seconds, _: entered.clock.advance(seconds))
    calls = calls_of(entered, allow_write=True)
    of = {"role": "new", "service_accounts": ["shop/cart"]}
    presets = ["s3-read,bucket=shop-orders"]
    changes: list[dict[str, Any]] = [
        {"change": "role-create", "role": "new", "service_accounts": ["shop/orders"], "presets": presets},
        {"change": "trust-add", **of},
        {"change": "trust-remove", **of},
        {"change": "trust-add", **of, "scope": "cluster"},
        {"change": "associate", "service_accounts": ["shop/orders"], "role": "new"},
        {"change": "disassociate", "service_accounts": ["payments/bilingworker"]},
        {"change": "install-agent"},
        {"change": "restart", "service_accounts": ["shop/orders"]},
        {"change": "trust-tighten", "role": "storefront"},
    ]
    assert {change["change"] for change in changes} == {*CHANGES}
    validator = jsonschema.Draft202012Validator(output_schema(PLAN))
    for change in changes:
        planned = call(calls, "plan", **change)
        if planned.document is None:  # new pods would get no credentials, and the role has no users
            assert change["change"] in ("restart", "trust-tighten"), (change, planned)
            continue
        validator.validate(planned.document)
        assert planned.document["planId"], (change, planned)
        if change["change"].startswith(("role-", "trust-")):
            applied = call(calls, "apply", plan_id=planned.document["planId"])
            assert applied.document is not None, (change, applied)
            assert {action["status"] for action in applied.document["actions"]} <= {"done", "unchanged"}, applied
    assert '"new"' in entered("role", "list", "-o", "json").stdout


DECLARATION = """
apiVersion: podid/v1
kind: PodIdentity
metadata: {name: shop}
roles: [{name: declared, policies: [{preset: s3-read, parameters: {bucket: shop-orders}}]}]
associations: [{serviceAccount: shop/orders, role: declared}]
"""


def test_a_declaration_is_planned_and_applied(entered: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podid.cli.server.calls._sleep", lambda seconds, _: entered.clock.advance(seconds))
    calls = calls_of(entered, "--wait=api", allow_write=True)
    planned = call(calls, "plan_file", document=DECLARATION).document
    jsonschema.Draft202012Validator(output_schema(PLAN_FILE)).validate(planned)
    assert [change["target"] for change in planned["plan"]["created"]] == [
        "declared",
        "declared/s3-read-shop-orders",
        "shop/orders",
    ]
    applied = call(calls, "apply", plan_id=planned["planId"])
    assert applied.document is not None, applied
    assert {action["status"] for action in applied.document["actions"]} == {"done"}
    jsonschema.Draft202012Validator(output_schema(APPLY)).validate(applied.document)
    again = call(calls, "plan_file", document=DECLARATION).document
    assert (again["planId"], again["plan"]["unchanged"]) == (None, 2)
    # without --allow-write
    assert (
        call(calls_of(entered), "plan_file", document=DECLARATION.replace("declared", "x")).document["planId"] is None
    )


def test_refused_declarations(entered: Site, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    in_file = DECLARATION.replace("{preset: s3-read, parameters: {bucket: shop-orders}}", f"{{file: {secret}}}")
    for document, words in (
        (in_file, f"reads file {secret}"),
        (DECLARATION.replace("roles:", "rolls:"), "rolls: is not a known key"),
        (DECLARATION.replace("metadata:", "clusters: [demo, other]\nmetadata:"), "other"),
        ("- [", "neither JSON nor YAML"),
    ):
        answer = call(calls_of(entered, allow_write=True), "plan_file", document=document)
        assert (answer.document, words in answer.text) == (None, True), answer


def test_a_plan_expires_and_read_only_servers_give_none(entered: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    change = {"change": "disassociate", "service_accounts": ["payments/bilingworker"]}
    assert call(calls_of(entered), "plan", **change).document["planId"] is None
    monkeypatch.setattr("podid.cli.server.calls.PLAN_SECONDS", -1.0)
    calls = calls_of(entered, allow_write=True)
    expired = call(calls, "apply", plan_id=call(calls, "plan", **change).document["planId"])
    assert (expired.document, "has expired" in expired.text) == (None, True)
    assert "payments/bilingworker" in entered("list").stdout.replace("\t", "/")


def test_a_cancelled_call_ends(entered: Site) -> None:
    class Later(threading.Event):
        """Set after some questions, as by a client that waits for a while."""

        def __init__(self) -> None:
            super().__init__()
            self.asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            return self.asked > 20

    for cancelled in (Later(), threading.Event()):
        if not isinstance(cancelled, Later):
            cancelled.set()
        answer = calls_of(entered).call(BY_NAME["doctor"], {}, cancelled)
        assert (answer.document, answer.text) == (None, "The call was cancelled.")


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("show", {}, "'service_account' is required"),
        ("show", {"service_account": 3}, "is not a string"),
        ("show", {"service_acount": "a/b"}, "did you mean service_account?"),
        ("list", {"service_accounts": ["a", 1]}, "is not an array of strings"),
        ("plan", {"change": "delete"}, "is not one of"),
        ("plan", {"change": "restart", "role": "x"}, "does not apply to restart"),
        ("plan", {"change": "role-create", "scope": "world"}, "is not one of"),
        ("apply", {}, "is required"),
        ("apply", {"plan_id": "0"}, "does not exist"),
    ],
)
def test_arguments_that_a_tool_does_not_accept(site: Site, name: str, given: dict[str, Any], words: str) -> None:
    answer = calls_of(site, allow_write=True).call(BY_NAME[name], given, threading.Event())
    assert (answer.document, words in answer.text) == (None, True), answer


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_no_value_becomes_an_option(tool: Tool) -> None:
    """Values with hyphens stay values, of options and of arguments."""
    hostile = "--yes"
    given: dict[str, Any] = {
        item.name: {"string": hostile, "array": [hostile], "boolean": True}[item.type] for item in tool.parameters
    }
    words, _ = tool.command_line(given)
    place = words.index("--") if "--" in words else len(words)
    assert hostile not in words[len(tool.words) : place]


def test_the_owner_fixes_the_place(entered: Site) -> None:
    answer = call(calls_of(entered, "--cluster=nosuch"), "list")
    assert (answer.document, "nosuch" in answer.text) == (None, True)
    assert call(calls_of(entered, "--cluster=nosuch"), "explain", text="association-sa-not-found").document


def test_without_the_extra() -> None:
    code = "import sys; sys.modules['mcp'] = None; from podid.entry import main; sys.argv = ['podid', 'mcp']; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "requires the extra podid[mcp]" in done.stderr
    assert Podid()("mcp", "--help").code == 0


def test_tools_that_need_a_flag() -> None:
    assert [tool.name for tool in EVERY if tool.needs] == ["verify", "apply"]
    assert PLAN.reads
    assert not APPLY.reads
    with pytest.raises(InvalidInput):
        PLAN.command_line({})
