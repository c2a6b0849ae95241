"""The contract of every command with whoever runs it: exit codes, streams, formats, text that is not to be trusted,
consent, and what a dry run leaves alone."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import Answers, Podid, one_in
from podid.cli import boundary, options
from podid.cli.argv import EVALUATING, command_first, condition_keys_named
from podid.cli.command import build
from podid.cli.runtime import Runtime, Streams
from podid.cli.tree import COMMANDS, Row
from podid.domain import errors
from podid.domain.errors import MEANING, ExitCode, combine
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox

EVIL = "\x1b]0;owned\x07\x1b[2Jtext\u202e\r\n\tend"
VISIBLE = "\\x1b]0;owned\\x07\\x1b[2Jtext\\u202e"


@pytest.fixture
def two(box: Sandbox) -> Sandbox:
    """Two associations."""
    add_association(box.world, "shop", "orders", "storefront")
    add_association(box.world, "shop", "pay", "orders-dynamodb")
    return box


def raised(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def dispatch(argv: list[str], runtime: Runtime) -> int:
        raise error

    monkeypatch.setattr(boundary, "_dispatch", dispatch)


# --- exit codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.PodidError("x"), 1),
        (errors.Rejected("x"), 6),
        (errors.NotServed("x"), 7),
        (errors.RoleUnknown("x"), 5),
        (errors.UsageError("x"), 2),
        (errors.InvalidInput("x"), 2),
        (errors.ConsentNeeded("x"), 2),
        (errors.AccessDenied("x"), 4),
        (errors.CredentialsError("x"), 4),
        (errors.NotFound("x"), 5),
        (errors.Conflict("x"), 6),
        (errors.AlreadyExists("x"), 6),
        (errors.Unavailable("x"), 7),
        (errors.Throttled("x"), 7),
        (errors.TimedOut("x"), 7),
        (errors.Undetermined("x"), 9),
        (errors.Cancelled("x"), 130),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 0),
        (ZeroDivisionError("secret"), 1),
    ],
)
def test_what_is_raised_chooses_the_code(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    raised(monkeypatch, error)
    for output in ("table", "json"):
        outcome = Podid()("list", "-o", output)
        assert (outcome.code, outcome.stdout) == (code, "")


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANING) == set(ExitCode)


@pytest.mark.parametrize(
    ("codes", "one"), [({0}, 0), ({0, 3}, 3), ({3, 9}, 3), ({3, 8, 9}, 8), ({9, 0}, 9), (set(), 0), ({4, 5}, 5)]
)
def test_several_codes_at_once(codes: set[int], one: int) -> None:
    assert combine({ExitCode(code) for code in codes}) == one


def test_a_bug_shows_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    raised(monkeypatch, ValueError("token=abc123"))
    outcome = Podid()("list", "-v")
    assert outcome.code == 1
    assert "abc123" not in outcome.stderr
    assert re.match(r"Error: podid ran into a bug: ValueError at test_boundary.py:\d+ < ", outcome.stderr)


def test_codes_of_real_commands(podid: Podid, two: Sandbox) -> None:
    assert podid("--version").stdout.startswith("podid ")
    assert podid("list").code == 0
    assert podid("list", "--cluster", "nowhere").code == 5
    assert podid("associate", "shop/orders", "--role", "orders-dynamodb").code == 6
    assert podid("sandbox", "status").code == 3
    two.world.credentials.deny("eks:ListPodIdentityAssociations")
    assert podid("list").code == 4


# --- errors, as text and as JSON --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (("frobnicate",), "Unknown command frobnicate", "podid --help"),
        (("get", "associations"), "Unknown command get; did you mean agent?", "podid agent --help"),
        (("restrat", "shop/x"), "Unknown command restrat; did you mean restart?", "podid restart --help"),
        (("disasociate", "a/b", "--yes"), "Unknown command disasociate", "podid disassociate --help"),
        (("role", "delte", "x"), "Unknown command delte; did you mean delete?", "podid role delete --help"),
        (("copy", "--with-labels", "a=b"), "Unknown option --with-labels", "podid copy --help"),
        (("role", "frobnicate"), "Unknown command frobnicate", "podid role --help"),
        (("list", "--frobnicate"), "Unknown option --frobnicate", "podid list --help"),
        (("status", "--all-clusters"), "Unknown option --all-clusters", "podid status --help"),
        (("undo", "last", "--cluster", "demo"), "podid undo has no option --cluster", "podid undo --help"),
        (("show",), "podid show requires NS/SA", "podid show --help"),
        (("role", "attach"), "podid role attach requires ROLE", "podid role attach --help"),
        (("whoami", "shop"), "podid whoami takes no arguments: shop is not expected", "podid whoami --help"),
        (
            ("show", "shop/a", "shop/b", "c"),
            "podid show takes fewer arguments: shop/b c is not expected",
            "podid show --help",
        ),
        (("role", "create", "x"), "Specify the service account: --for NAMESPACE/NAME", "podid role create --help"),
        (("list", "--query", "items["), "--query 'items[' is not a JMESPath expression: it ends too soon", None),
        (("list", "--query", "a b"), "--query 'a b' is not a JMESPath expression: syntax error at character 3", None),
        (
            ("list", "--query", "items[].lenght(@)"),
            "--query 'items[].lenght(@)': JMESPath has no function lenght()",
            None,
        ),
        (("list", "--query", ""), "--query '' is not a JMESPath expression: it is empty", None),
        (("list", "-o", "xml"), "'xml' is not an output format: table, wide, json, jsonl, yaml, csv, name", None),
        (("history", "--timeout", "5m"), "podid history has no option --timeout", "podid history --help"),
        (("install-agent", "--timeout", "soon"), "'soon' is not a duration: specify 90s, 5m, 1h30m or 2d", None),
        (("install-agent", "--wait", "forever"), "--wait 'forever' is not one of none, api, ready", None),
        (
            ("show", "orders"),
            "'orders' is not a service account: specify NAMESPACE/NAME, for example shop/orders",
            None,
        ),
        (("trust", "check", "no.json"), "no.json cannot be read: No such file or directory", None),
        (("trust", "add", "no.json"), "no.json cannot be read: No such file or directory", None),
        (("list", "-A", "-n", "shop"), "--namespace and --all-namespaces cannot be used together", None),
        (("list", "--expect-account", "12"), "--expect-account '12' is not a 12-digit account id", None),
    ],
)
def test_usage_errors(argv: tuple[str, ...], message: str, hint: str | None) -> None:
    text = Podid(env={"AWS_REGION": "us-west-2", "PODID_CLUSTER": "demo"})(*argv)
    assert (text.code, text.stdout) == (2, "")
    assert text.stderr.startswith(f"Error: {message}")
    assert ("Try:" in text.stderr) == (hint is not None)
    for wanted in (("-o", "json"), ("--output=json",), ("-ojsonl",)):
        if "-o" in argv:
            continue
        outcome = Podid(env={"AWS_REGION": "us-west-2", "PODID_CLUSTER": "demo"})(*argv, *wanted)
        assert (outcome.code, outcome.stdout) == (2, "")
        assert outcome.error["message"].startswith(message)
        assert (outcome.error["hint"], outcome.error["exitCode"]) == (hint, 2)


def test_a_shared_option_of_few_values_takes_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = replace(options.SHARED["context"], values=("work", "play"))
    monkeypatch.setitem(options.SHARED, "context", declared)
    for argv, env in ((("--context", "home"), {}), ((), {"PODID_CONTEXT": "home"})):
        refused = Podid(env=env)("doctor", *argv, "-o", "json")
        assert (refused.code, refused.error["message"]) == (2, "--context 'home' is not one of work, play")
        assert ("PODID_CONTEXT" in refused.error.get("advice", "")) == bool(env)


BLANK = ("", " ", "\t", " \n", "\u00a0")


def texts_of(row: Row) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each option and argument of a command that takes text, and a line in which it has no value."""
    node: Any = build()
    for name in row.path:
        node = node.commands[name]
    taken = [param for param in node.params if param.type.name == "text" and param.opts[0] != "--query"]
    needed = [param for param in taken if param.param_type_name == "argument" and param.required]
    for param in taken:
        given = ["BLANK" if each is param else "a/b" for each in (*needed, *(() if param in needed else (param,)))]
        if param.param_type_name == "option":
            yield param.opts[0], (*row.path, *given[:-1], param.opts[0], "BLANK")
        else:
            yield str(param.metavar).strip("[].").removesuffix("..."), (*row.path, *given)


@pytest.mark.parametrize("row", COMMANDS, ids=[row.name for row in COMMANDS])
def test_a_variable_that_is_not_set_is_not_everything(row: Row) -> None:
    """A name, a selector or a file of nothing: no command takes it for all of them, or leaves it out."""
    found = dict(texts_of(row))
    for number, (name, line) in enumerate(found.items()):
        blank = BLANK[number % len(BLANK)]
        refused = Podid()(*(blank if word == "BLANK" else word for word in line), "-o", "json")
        assert (refused.code, refused.stdout) == (2, ""), (line, refused)
        assert refused.error["message"].removeprefix("argument ") == f"{name} is empty: specify a value, or omit it"


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize(
    "line", ["associate -n shop --role r --selector", "doctor --save", "restart --yes -n", "doctor"]
)
def test_nor_is_white_space(line: str, blank: str) -> None:
    refused = Podid()(*line.split(), blank)
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr.endswith("is empty: specify a value, or omit it.\n")


@pytest.mark.parametrize("variable", ["PODID_NAMESPACE", "PODID_CLUSTER", "AWS_REGION", "KUBECONFIG", "PODID_TIMEOUT"])
def test_a_variable_of_white_space_is_no_value(variable: str) -> None:
    """One that is empty is as one that is not set."""
    refused = Podid(env={variable: " "})("restart", "--yes", "-o", "json")
    assert (refused.code, refused.error["message"]) == (2, f"{variable} is empty: specify a value, or omit it")


def test_the_first_of_several_is_not_all_of_them(podid: Podid) -> None:
    refused = podid("list", "--cluster", "demo", "--cluster", "", "-o", "json")
    assert (refused.code, refused.error["message"]) == (2, "--cluster is empty: specify a value, or omit it")


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        ("list --stal -o json", "podid list --stale -o json"),
        ("associate --restar a/b -o json", "podid associate --restart a/b -o json"),
        ("list --regoin=eu-west-1 -o json", "podid list --region=eu-west-1 -o json"),
        # --cluster takes a value, and none was given
        ("status --all-clusters -o json", "podid status --help"),
    ],
)
def test_an_option_is_replaced_by_one_that_fits(argv: str, hint: str) -> None:
    assert Podid()(*argv.split()).error["hint"] == hint


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--region us-west-2 list", "list --region us-west-2"),
        ("-o json -c demo show shop/orders -q", "show -o json -c demo shop/orders -q"),
        ("-ojson --cluster=demo role show r", "role show -ojson --cluster=demo r"),
        ("-qvA doctor", "doctor -qvA"),
        ("--dry-run -y disassociate -- shop/orders", "disassociate --dry-run -y -- shop/orders"),
        ("--cluster list list", "list --cluster list"),
        ("-o json role", "role -o json"),
        ("--show-permissions associate", "associate --show-permissions"),
        # what is no shared option, and what is no command, stay where they are
        ("--role r associate", "--role r associate"),
        ("-c list", "-c list"),
        ("-o json nosuch", "-o json nosuch"),
        ("--help list", "--help list"),
        ("list -o json", "list -o json"),
        ("-- list", "-- list"),
        ("", ""),
    ],
)
def test_shared_options_may_stand_before_the_command(typed: str, meant: str) -> None:
    assert command_first(typed.split()) == meant.split()


def test_condition_keys_are_not_kube_contexts() -> None:
    assert {
        command.name for command in COMMANDS if any("--context-key" in item.spellings for item in command.load().own)
    } == set(EVALUATING)
    line = "can-i a/b s3:Get --context aws:SourceIp=1.2.3.4 --context=aws:x=y --context arn:aws:eks:r:1:cluster/a=b"
    named = line.replace("--context aws", "--context-key aws").replace("--context=", "--context-key=")
    assert condition_keys_named(line.split()) == named.split()
    assert condition_keys_named(line.replace("can-i", "list").split()) == line.replace("can-i", "list").split()
    assert condition_keys_named(["can-i", "a/b", "--context"]) == ["can-i", "a/b", "--context"]


def test_hints_repeat_what_was_meant(podid: Podid, two: Sandbox) -> None:
    assert podid("-o", "json", "list").json["items"] == podid("list", "-o", "json").json["items"]
    outcome = podid("--region", "us-west-2", "status", "shop/orderz")
    assert (outcome.code, outcome.stderr.splitlines()[-1]) == (5, "Try:   podid status --region us-west-2 shop/orders")


def test_the_environment_can_ask_for_json_errors() -> None:
    assert Podid(env={"PODID_OUTPUT": "json"})("frobnicate").error["code"] == "Usage"
    assert Podid(env={"PODID_OUTPUT": "json"})("frobnicate", "-o", "table").stderr.startswith("Error: ")
    # behind -- nothing is an option any more
    assert Podid()("list", "--", "-o", "json").stderr.startswith("Error: ")


def test_an_error_in_full(podid: Podid) -> None:
    outcome = podid("status", "shop/nobody")
    assert (outcome.code, outcome.stdout) == (5, "")
    assert outcome.stderr == ("Error: shop/nobody has no association in cluster demo.\nTry:   podid list\n")


# --- formats ----------------------------------------------------------------------------------------------------------


def test_formats(podid: Podid, two: Sandbox) -> None:
    document = podid("list", "-o", "json").json
    items = document["items"]
    assert [item["serviceAccount"] for item in items] == ["orders", "pay"]
    streamed = [json.loads(line) for line in podid("list", "-o", "jsonl").stdout.splitlines()]
    assert sorted(streamed, key=lambda item: str(item["serviceAccount"])) == items  # each as soon as it is there
    assert yaml.safe_load(podid("list", "-o", "yaml").stdout) == document
    assert podid("list", "-o", "name").stdout == "shop/orders\nshop/pay\n"
    rows = list(csv.DictReader(io.StringIO(podid("list", "-o", "csv").stdout)))
    assert [(row["namespace"], row["service_account"], row["role"]) for row in rows] == [
        ("shop", "orders", "arn:aws:iam::111122223333:role/storefront"),
        ("shop", "pay", "arn:aws:iam::111122223333:role/orders-dynamodb"),
    ]
    table = [line.split("\t") for line in podid("list").stdout.splitlines()]
    wide = [line.split("\t") for line in podid("list", "-o", "wide").stdout.splitlines()]
    assert [len(row) for row in table] == [6, 6]
    assert [row[:6] for row in wide] == table
    assert [row[6] for row in wide] == [item["associationId"] for item in items]


def test_a_query(podid: Podid, two: Sandbox) -> None:
    query = ("--query", "items[].[namespace, serviceAccount]")
    rows = [["shop", "orders"], ["shop", "pay"]]
    assert podid("list", *query).stdout == "shop\torders\nshop\tpay\n"
    assert podid("list", *query, "-o", "json").json == rows
    assert yaml.safe_load(podid("list", *query, "-o", "yaml").stdout) == rows
    assert podid("list", *query, "-o", "jsonl").stdout == '["shop","orders"]\n["shop","pay"]\n'
    assert podid("list", "--query", "length(items)").stdout == "2\n"
    assert podid("list", "--query", "items[0].ownerArn").stdout == "None\n"
    for output in ("csv", "name"):
        outcome = podid("list", *query, "-o", output)
        assert (outcome.code, outcome.stdout) == (2, "")


def test_nothing_is_still_a_document(podid: Podid) -> None:
    assert podid("list", "-o", "json").json["items"] == []
    assert podid("list", "-o", "jsonl").stdout == ""
    assert podid("list").stdout == ""
    assert podid("list", "-o", "csv").stdout.splitlines() == [
        "namespace,service_account,role,target_role,owner,created,association_id,session_tags,session_policy,"
        "not_read,modified"
    ]


def test_the_format_never_changes_the_code(podid: Podid, two: Sandbox) -> None:
    argv = ("associate", "shop/orders", "--role", "orders-dynamodb")
    assert {podid(*argv, "-o", output).code for output in ("table", "wide", "json", "jsonl", "yaml", "name")} == {6}


def test_a_query_that_does_not_fit_loses_no_result_of_a_change(podid: Podid) -> None:
    made = podid(
        *("associate", "shop/orders", "--role", "storefront", "--wait", "api"), "-o", "json", "--query", "max(kind)"
    )
    assert (made.code, made.json["actions"][0]["status"]) == (0, "done")
    assert made.stderr.startswith("Warning: --query 'max(kind)' does not fit this result: max() takes array-number or")
    read = podid("list", "-o", "json", "--query", "max(kind)")
    assert (read.code, read.stdout, read.error["code"]) == (2, "", "Usage")


def test_stderr_is_empty_beside_a_document(podid: Podid) -> None:
    outcome = podid("associate", "shop/orders", "--role", "storefront", "--wait", "api", "-o", "json")
    assert (outcome.code, outcome.stderr) == (0, "")
    outcome = podid("associate", "shop/pay", "--role", "storefront", "--wait", "api", "-q")
    assert (outcome.code, outcome.stderr) == (0, "")


# --- text that is not to be trusted -----------------------------------------------------------------------------------


def put(box: Sandbox, **members: Any) -> None:
    """shop/orders with members that EKS would not have let in."""
    association = add_association(box.world, "shop", "orders", "storefront")
    box.world.put_association(box.world.clusters[box.world.cluster_name], replace(association, **members))


def test_escape_sequences_are_shown_and_not_obeyed(podid: Podid, box: Sandbox) -> None:
    put(box, policy=EVIL)
    shown = podid("show", "shop/orders").stdout
    assert VISIBLE in shown
    assert not set(shown) & {"\x1b", "\x07", "\u202e", "\r"}
    podid.tty = True
    drawn = podid("show", "shop/orders", "--no-color").stdout
    assert "\\x1b]0;owned\\x07" in drawn
    assert "\x1b]0" not in drawn
    assert "\u202e" not in drawn


def test_json_keeps_the_value_and_stays_ascii(podid: Podid, box: Sandbox) -> None:
    put(box, policy=EVIL)
    podid.tty = False
    outcome = podid("show", "shop/orders", "-o", "json")
    assert outcome.json["policy"] == EVIL
    assert outcome.stdout.isascii()
    assert "\x1b" not in outcome.stdout
    assert yaml.safe_load(podid("show", "shop/orders", "-o", "yaml").stdout)["policy"] == EVIL
    assert "\x1b" not in podid("show", "shop/orders", "-o", "yaml").stdout


def test_fields_stay_fields(box: Sandbox, podid: Podid) -> None:
    put(box, owner_arn="=cmd\t|'C calc'!A0\n")
    (line,) = podid("list").stdout.splitlines()
    assert line.split("\t")[4] == "=cmd\\t|'C calc'!A0\\n"
    (row,) = csv.DictReader(io.StringIO(podid("list", "-o", "csv").stdout))
    assert row["owner"] == "'=cmd\\t|'C calc'!A0\\n"


def test_markup_is_text(box: Sandbox, podid: Podid) -> None:
    put(box, owner_arn="[red]x :smile:")
    podid.tty = True
    assert "[red]x :smile:" in podid("list", "--no-color").stdout


def test_an_error_is_sanitized_too(podid: Podid) -> None:
    outcome = podid("show", "shop/\x1b[31morders")
    assert outcome.code == 2
    assert "\x1b" not in outcome.stderr


# --- colour and width -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tty", "env", "argv", "colour"),
    [
        (True, {}, (), True),
        (True, {"NO_COLOR": "1"}, (), False),
        (True, {"NO_COLOR": ""}, (), True),
        (True, {"TERM": "dumb"}, (), False),
        (True, {}, ("--no-color",), False),
        (False, {}, (), False),
        (False, {"FORCE_COLOR": "1"}, (), True),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
    ],
)
def test_colour_of_errors(tty: bool, env: dict[str, str], argv: tuple[str, ...], colour: bool) -> None:
    outcome = Podid(env={"AWS_REGION": "us-west-2", "TERM": "xterm", **env}, tty=tty)("show", "orders", *argv)
    assert ("\x1b[" in outcome.stderr) is colour


def test_colour_of_tables(podid: Podid, two: Sandbox) -> None:
    podid.tty = True
    assert "\x1b[1m" in podid("list", TERM="xterm").stdout
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in podid("list", **env).stdout


@pytest.mark.parametrize(("width", "drawn"), [(1, 40), (40, 40), (100, 100), (5000, 500)])
def test_width_is_clamped(width: int, drawn: int) -> None:
    streams = Streams(io.StringIO(), io.StringIO(), io.StringIO(), False, False, False, width=width)
    assert Runtime(streams=streams, env={}).width == drawn


def test_no_arn_is_cut_on_a_narrow_terminal(podid: Podid, two: Sandbox) -> None:
    podid.tty, podid.width = True, 40
    drawn = podid("list", "--no-color").stdout
    assert max(len(line) for line in drawn.splitlines()) <= 40
    assert "…" not in drawn
    assert "..." not in drawn


# --- closed pipes -----------------------------------------------------------------------------------------------------


def run_process(*argv: str, stdout: Any, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "podid", *argv],
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def to_closed_pipe(*argv: str) -> tuple[int, str]:
    """Exit code and stderr of a process whose reader is gone before it starts."""
    reader, writer = os.pipe()
    os.close(reader)
    process = run_process(*argv, stdout=writer)
    os.close(writer)
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr.decode()


@pytest.mark.parametrize("output", one_in(2, ["table", "json", "jsonl"]))
def test_a_closed_pipe_is_silent(podid: Podid, two: Sandbox, output: str) -> None:
    assert to_closed_pipe("list", "-o", output) == (0, "")


def test_a_closed_pipe_does_not_stop_a_change_nor_alter_its_code(podid: Podid) -> None:
    line = ("associate", "shop/orders", "--role", "storefront", "--wait", "api", "-q")
    assert to_closed_pipe(*line) == (0, "")
    assert [item["serviceAccount"] for item in podid("list", "-o", "json").json["items"]] == ["orders"]
    assert to_closed_pipe("sandbox", "status") == (3, "")


def test_help_into_a_closed_pipe() -> None:
    assert to_closed_pipe("--help") == (0, "")


# --- consent ----------------------------------------------------------------------------------------------------------


def names(podid: Podid) -> list[str]:
    return podid("list", "-o", "name").stdout.split()


def test_deleting_needs_a_yes_where_nobody_can_be_asked(podid: Podid, two: Sandbox) -> None:
    outcome = podid("disassociate", "shop/orders")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "Try:   podid disassociate shop/orders --yes" in outcome.stderr
    assert names(podid) == ["shop/orders", "shop/pay"]
    assert podid("disassociate", "shop/orders", "--yes").code == 0
    assert names(podid) == ["shop/pay"]


def test_a_question_on_a_terminal(podid: Podid, two: Sandbox) -> None:
    podid.tty, podid.answers = True, Answers(False)
    outcome = podid("disassociate", "shop/orders")
    assert (outcome.code, podid.answers.questions) == (2, ["Delete the association of shop/orders?"])
    podid.answers = Answers(True)
    assert podid("disassociate", "shop/orders").code == 0
    podid.tty = False
    assert names(podid) == ["shop/pay"]


@pytest.mark.parametrize("env", [{"CI": "true"}, {"CI": "1"}])
def test_nobody_is_asked_in_ci(podid: Podid, two: Sandbox, env: dict[str, str]) -> None:
    podid.tty, podid.answers = True, Answers()
    assert podid("disassociate", "shop/orders", **env).code == 2


def test_an_empty_ci_is_not_ci(podid: Podid, two: Sandbox) -> None:
    podid.tty, podid.answers = True, Answers(True)
    assert podid("disassociate", "shop/orders", CI="").code == 0


def test_creating_needs_no_consent(podid: Podid) -> None:
    podid.tty, podid.answers = True, Answers()
    assert podid("associate", "shop/orders", "--role", "storefront", "--wait", "api").code == 0


def test_a_yes_is_not_a_replace_nor_an_update_of_trust(podid: Podid, two: Sandbox) -> None:
    assert podid("associate", "shop/orders", "--role", "orders-dynamodb", "--yes").code == 6
    before = podid("role", "show", "article-2023", "-o", "json").json["trustPolicy"]
    assert podid("associate", "shop/new", "--role", "article-2023", "--yes").code != 0
    assert podid("role", "show", "article-2023", "-o", "json").json["trustPolicy"] == before


# --- dry runs ---------------------------------------------------------------------------------------------------------


def everything(podid: Podid) -> dict[str, Any]:
    """What the API says of all that podid could have changed."""
    roles = podid("role", "list", "-o", "name").stdout.split()
    return {
        "associations": podid("list", "-o", "json").json,
        "roles": [podid("role", "show", name, "-o", "json").json for name in roles],
        "agent": podid("install-agent", "--dry-run", "-o", "json").json["actions"],
        "history": podid("history", "-o", "json").json,
    }


DRY_RUNS = (
    ("install-agent",),
    ("role", "create", "new", "--for", "shop/orders"),
    ("role", "create", "article-2023", "--for", "shop/orders", "--adopt", "--update-trust"),
    ("associate", "shop/new", "--role", "storefront"),
    ("associate", "shop/new", "--role", "article-2023", "--update-trust"),
    ("associate", "shop/orders", "--role", "orders-dynamodb", "--replace"),
    ("disassociate", "shop/orders"),
    ("undo", "last"),
)


def test_a_dry_run_changes_nothing(podid: Podid, two: Sandbox) -> None:
    assert podid("associate", "shop/third", "--role", "storefront", "--wait", "api").code == 0
    before = everything(podid)
    for line in DRY_RUNS:
        outcome = podid(*line, "--dry-run", "-o", "json")
        assert (line, outcome.code, outcome.stderr) == (line, 0, "")
        assert outcome.json["kind"] == "Plan"
        assert outcome.json["actions"] != []
        text = podid(*line, "--dry-run")
        assert text.code == 0
        assert text.stdout.startswith(
            "Plan as arn:aws:iam::111122223333:user/podid-admin in account 111122223333, us-west-2"
        )
    assert everything(podid) == before


def test_every_changing_command_has_a_dry_run() -> None:
    changing = {command.name for command in COMMANDS if "journal_dir" in command.load().shared}
    # these read the journal only, or what they create is gone when they end; reconcile changes nothing without --apply
    others = {"history", "plan", "diff", "verify", "exec", "reconcile"}
    assert changing - others == {command.name for command in COMMANDS if "dry_run" in command.load().shared}


def test_no_two_options_of_a_command_have_the_same_spelling() -> None:
    spellings = {row.name: Counter(name for item in row.load().options for name in item.spellings) for row in COMMANDS}
    twice = {name: [word for word, times in words.items() if times > 1] for name, words in spellings.items()}
    assert {name: again for name, again in twice.items() if again} == {}
    assert {
        word for words in spellings.values() for word in words if not re.fullmatch(r"--[a-z][a-z0-9-]+|-\w", word)
    } == set()


# --- other promises ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_show_permissions_needs_no_arguments_and_no_aws(command: Any) -> None:
    if "show_permissions" not in command.load().shared:
        assert not command.load().all_permissions().always
        return
    outcome = Podid()(*command.path, "--show-permissions", "-o", "json")
    assert (outcome.code, outcome.stderr) == (0, "")
    policy = outcome.json["iamPolicy"]
    granted = [
        action
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]
    assert sorted(granted) == sorted(command.load().all_permissions().always.iam)
    permissions = [rule for manifest in outcome.json["kubernetes"]["items"] for rule in manifest["rules"]]
    assert not any("serviceaccounts/token" in rule["resources"] for rule in permissions)
    assert not any("pods" in rule["resources"] and "create" in rule["verbs"] for rule in permissions)
    text = Podid()(*command.path, "--show-permissions").stdout
    assert text.startswith(f"# IAM policy for podid {command.name}\n")


@pytest.mark.parametrize(
    "line",
    [
        ("list",),
        ("role", "list"),
        ("role", "show", "storefront"),
        ("install-agent",),
        ("associate", "shop/new", "--role", "storefront"),
        ("disassociate", "shop/orders", "--yes"),
    ],
    ids=" ".join,
)
def test_expect_account(podid: Podid, two: Sandbox, line: tuple[str, ...]) -> None:
    before = names(podid)
    outcome = podid(*line, "--expect-account", "999999999999")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "The credentials are for account 111122223333, not for the expected account 999999999999" in outcome.stderr
    assert podid(*line, PODID_EXPECT_ACCOUNT="999999999999").code == 6
    assert names(podid) == before
    assert podid("list", "--expect-account", "111122223333").code == 0


def test_verbose_says_where_settings_came_from(podid: Podid) -> None:
    stderr = podid("list", "-v").stderr
    assert "  region us-west-2 (AWS_REGION)\n" in stderr
    assert "  cluster demo (PODID_CLUSTER)\n" in stderr
    assert "  cluster demo (--cluster)\n" in podid("list", "-v", "-c", "demo").stderr


def test_no_secret_is_said_aloud(podid: Podid, box: Sandbox) -> None:
    outcome = podid("associate", "shop/orders", "--role", "storefront", "-v")
    for secret in (box.admin_key.secret_access_key, "Authorization", "X-Amz-Signature", "k8s-aws-v1."):
        assert secret not in outcome.stdout + outcome.stderr


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    raised(monkeypatch, KeyboardInterrupt())
    outcome = Podid()("list")
    assert (outcome.code, outcome.stdout, outcome.stderr) == (130, "", "Interrupted.\n")
    # a terminal has ^C on the line by then
    assert Podid(tty=True)("list").stderr == "\nInterrupted.\n"


def test_ctrl_c_in_a_real_process(podid: Podid, box: Sandbox) -> None:
    box.faults.latency(30.0)
    process = run_process("list", stdout=subprocess.PIPE)
    while not box.faults.calls["eks", "DescribeCluster"]:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (130, b"")
    assert stderr.decode().startswith("Interrupted.")
    assert time.monotonic() - started < 10


def test_a_cluster_is_not_guessed_for_a_change(podid: Podid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODID_CLUSTER", "")
    assert podid("list").code == 0  # the only one there is
    outcome = podid("associate", "shop/orders", "--role", "storefront")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "No cluster is specified; us-west-2 has demo" in outcome.stderr
    podid.tty, podid.answers = True, Answers("demo")
    assert podid("associate", "shop/orders", "--role", "storefront", "--wait", "api").code == 0


def test_the_journal_directory_is_private(podid: Podid, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    line = ("associate", "shop/orders", "--role", "storefront", "--wait", "api", "--journal-dir", str(journal))
    assert podid(*line).code == 0
    assert journal.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in journal.iterdir()] == [0o600]
    journal.chmod(0o777)
    assert podid("associate", "shop/pay", *line[2:]).code == 2
    assert podid("list", "-o", "name").stdout == "shop/orders\n"


@pytest.mark.parametrize(
    "argv",
    [
        ("show", "a/b", "--cluster", "a", "--cluster", "b"),
        ("status", "-c", "a", "--cluster=a"),
        ("associate", "a/b", "--role", "x", "--role", "y"),
        ("associate", "a/b", "--role", "x", "--session-tags", "--no-session-tags"),
        ("doctor", "--fail-on", "warn", "--fail-on", "error"),
    ],
)
def test_what_can_hold_one_value_is_given_once(argv: tuple[str, ...]) -> None:
    """The last one would win without a word: on the wrong cluster, with the wrong role."""
    outcome = Podid()(*argv, "-o", "json")
    assert (outcome.code, outcome.stdout, outcome.error["code"]) == (2, "", "Usage")
    assert "specified twice" in outcome.error["message"]


def test_a_command_that_only_reads_may_be_corrected() -> None:
    assert Podid()("lst", "--pods").stderr.splitlines()[-1] == "Try:   podid list --pods"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            errors.NotFound("nosuch cannot be read", subject="nosuch", request_id="r-1"),
            "Error: nosuch cannot be read.\n",
        ),
        (
            errors.NotFound("no page explains it", advice="did you mean x?"),
            "Error: No page explains it.\n       Did you mean x?\n",
        ),
        (errors.Declined("Nothing was changed"), "Nothing was changed.\n"),
        (errors.Rejected("EKS refused it", request_id="r-1"), "Error: EKS refused it.\n       AWS request id: r-1\n"),
    ],
)
def test_how_an_error_reads(monkeypatch: pytest.MonkeyPatch, error: errors.PodidError, text: str) -> None:
    raised(monkeypatch, error)
    assert Podid()("list").stderr == text


FULL = "Warning: the result could not be written to stdout: No space left on device\n"
CLOSED = "Warning: the result could not be written to stdout: Bad file descriptor\n"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    one_in(
        3,
        [
            ("list >/dev/full", 0, FULL),
            ("list >&-", 0, CLOSED),
            ("list 2>&-", 0, ""),
            ("list 2>/dev/full", 0, ""),
            ("list --cluster nosuch >&- 2>&-", 5, ""),
            ("disassociate shop/pay --yes --wait none >/dev/full 2>/dev/full", 0, ""),
            ("disassociate shop/orders --yes --wait none >&-", 0, CLOSED),
            ("--version >/dev/full", 0, FULL),
            ("--version >&-", 0, CLOSED),
            ("list --help >/dev/full", 0, FULL),
            ("explain --help >&-", 0, CLOSED),
        ],
    ),
)
def test_streams_that_cannot_be_written_to(two: Sandbox, podid: Podid, line: str, code: int, said: str) -> None:
    """The code stays the result's, and what is wrong is said on the stream that is left."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m podid {line}'],
        env={**os.environ, **podid.env},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stderr[-len(said) :] if said else done.stderr) == (code, said)
    assert done.stdout == (podid("list").stdout if line.startswith("list 2>") else "")
