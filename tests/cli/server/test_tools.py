"""The tools of the server: parameters, command lines and documents."""

import json
import threading
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest

from cli.server.calling import BY_NAME, call, calls_of
from podid.cli.server.tools import APPLY, EVERY, PLAN, TOOLS, Tool, output_schema
from podid.domain.errors import InvalidInput
from worlds import Site

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
    for name, arguments in CASES.items():
        answer = call(calls_of(entered), name, **arguments)
        assert answer.document is not None, (name, answer)
        jsonschema.Draft202012Validator(output_schema(BY_NAME[name])).validate(answer.document)


@pytest.mark.parametrize("mode", ["agent-not-on-node", "node-role-missing-eks-auth", "eks-auth-unreachable"])
def test_a_tool_and_its_command_have_the_same_verdicts(
    healthy: Site, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    healthy.wait(600)
    healthy.box.failures.put(mode)
    healthy.enter(monkeypatch)
    calls = calls_of(healthy, now=healthy.box.world.clock.datetime)
    for line, arguments in (
        (("doctor",), {}),
        (("doctor", "shop/orders"), {"target": "shop/orders"}),
        (("show", "shop/orders"), {"service_account": "shop/orders"}),
    ):
        of_tool, of_command = call(calls, line[0], **arguments).document, healthy(*line, "-o", "json").json
        for document in (of_tool, of_command):
            document.pop("takenAt", None)
        assert of_tool == of_command, line


def test_a_policy_document_is_checked_without_a_file(entered: Site) -> None:
    arn = "arn:aws:eks:us-west-2:111122223333:cluster/demo"
    policy = {"Version": "2012-10-17", "Statement": []}
    arguments = {"service_account": "shop/orders", "cluster_arn": arn}
    answer = call(calls_of(entered), "trust_check", document=json.dumps(policy), **arguments)
    assert answer.document["actions"]["sts:AssumeRole"]["verdict"] == "no-match", answer
    assert call(calls_of(entered), "trust_check", document="{", **arguments).document is None


def test_null_is_an_omitted_argument() -> None:
    sent = {"service_account": "a/b", "role": None, "document": None, "cluster": None}
    assert BY_NAME["trust_check"].command_line(sent) == (["trust", "check", "--for=a/b"], "")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("show", {}, "'service_account' is required"),
        ("show", {"service_account": 3}, "is not a string"),
        ("show", {"service_acount": "a/b"}, "did you mean service_account?"),
        ("list", {"service_accounts": ["a", 1]}, "is not an array of strings"),
        ("plan", {"change": "delete"}, "is not one of"),
        ("plan", {"change": "restart", "role": "x"}, "does not apply to restart"),
        ("plan", {"change": "role-create", "scope": "world"}, "is not one of"),
        ("apply", {}, "is required"),
        ("apply", {"plan_id": None}, "is required"),
        ("apply", {"plan_id": "0"}, "does not exist"),
    ],
)
def test_arguments_that_a_tool_does_not_accept(site: Site, name: str, arguments: dict[str, Any], words: str) -> None:
    answer = calls_of(site, allow_write=True).call(BY_NAME[name], arguments, threading.Event())
    assert (answer.document, words in answer.text) == (None, True), answer


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_no_value_becomes_an_option(tool: Tool) -> None:
    """Values with hyphens stay values, of options and of arguments."""
    hostile = "--yes"
    arguments: dict[str, Any] = {
        item.name: {"string": hostile, "array": [hostile], "boolean": True}[item.type] for item in tool.parameters
    }
    words, _ = tool.command_line(arguments)
    place = words.index("--") if "--" in words else len(words)
    assert hostile not in words[len(tool.words) : place]


def test_tools_that_require_a_flag() -> None:
    assert [tool.name for tool in EVERY if tool.needs] == ["verify", "apply"]
    assert not PLAN.destroys
    assert APPLY.destroys
    with pytest.raises(InvalidInput):
        PLAN.command_line({})
