"""The contract of every command with whoever runs it: exit codes, streams, formats, text that is not to be trusted,
consent, and what a dry run leaves alone."""

import re
import shlex

import pytest

from cli.lines import raised
from harness import Podid
from podid.cli import boundary
from podid.cli.runtime import Runtime
from podid.domain import errors
from podid.sandbox.box import Sandbox


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
def test_the_exit_code_of_an_error(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    raised(monkeypatch, error)
    for output in ("table", "json"):
        outcome = Podid()("list", "-o", output)
        assert (outcome.code, outcome.stdout) == (code, "")


def test_a_bug_shows_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    raised(monkeypatch, ValueError("token=abc123"))
    outcome = Podid()("list", "-v")
    assert outcome.code == 1
    assert "abc123" not in outcome.stderr
    assert re.match(r"Error: podid ran into a bug: ValueError at lines.py:\d+ < ", outcome.stderr)


def test_codes_of_real_commands(podid: Podid, two: Sandbox) -> None:
    assert podid("--version").stdout.startswith("podid ")
    assert podid("list").code == 0
    assert podid("list", "--cluster", "nowhere").code == 5
    assert podid("associate", "shop/orders", "--role", "orders-dynamodb").code == 6
    assert podid("sandbox", "status").code == 3
    two.world.credentials.deny("eks:ListPodIdentityAssociations")
    assert podid("list").code == 4


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (("frobnicate",), "Unknown command frobnicate", "podid --help"),
        (("get", "associations"), "Unknown command get; podid calls it list", "podid list --help"),
        (("restrat", "shop/x"), "Unknown command restrat; did you mean restart?", "podid restart --help"),
        (("disasociate", "a/b", "--yes"), "Unknown command disasociate", "podid disassociate --help"),
        (("role", "delte", "x"), "Unknown command delte; did you mean delete?", "podid role delete --help"),
        (("copy", "--with-labels", "a=b"), "Unknown option --with-labels", "podid copy --help"),
        (("role", "frobnicate"), "Unknown command frobnicate", "podid role --help"),
        (("list", "--frobnicate"), "Unknown option --frobnicate", "podid list --help"),
        (("status", "--all-clusters"), "podid status has no option --all-clusters", "podid status --help"),
        (("undo", "last", "--cluster", "demo"), "podid undo has no option --cluster", "podid undo --help"),
        (("show",), "podid show requires NS/SA", "podid show --help"),
        (("role", "attach"), "podid role attach requires ROLE", "podid role attach --help"),
        (("whoami", "shop"), "podid whoami accepts no arguments: unexpected argument shop", "podid whoami --help"),
        (
            ("show", "shop/a", "shop/b", "c"),
            "podid show accepts fewer arguments: unexpected argument shop/b c",
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
        # an option of another command, and not a typing error for --strict
        (
            ("migrate", "apply", "shop/orders", "--restart"),
            "podid migrate apply has no option --restart",
            "podid migrate apply --help",
        ),
        (
            ("install-agent", "--timeout", "soon"),
            "--timeout 'soon' is not a duration: specify 90s, 5m, 1h30m or 2d",
            None,
        ),
        (("install-agent", "--wait", "forever"), "--wait 'forever' is not one of none, api, ready", None),
        (
            ("show", "orders"),
            "'orders' is not a service account: specify NAMESPACE/NAME, for example shop/orders",
            None,
        ),
        (("trust", "check", "no.json"), "no.json cannot be read: No such file or directory", None),
        (("trust", "check", "file://no.json"), "file://no.json cannot be read: No such file or directory", None),
        (("trust", "check", '{"a": 1}'), "Specify a file, or - for standard input, instead of the JSON text", None),
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
    for form in (("-o", "json"), ("--output=json",), ("-ojsonl",)):
        if "-o" in argv:
            continue
        outcome = Podid(env={"AWS_REGION": "us-west-2", "PODID_CLUSTER": "demo"})(*argv, *form)
        assert (outcome.code, outcome.stdout) == (2, "")
        assert outcome.error["message"].startswith(message)
        assert (outcome.error["hint"], outcome.error["exitCode"]) == (hint, 2)


def test_the_environment_can_ask_for_json_errors() -> None:
    assert Podid(env={"PODID_OUTPUT": "json"})("frobnicate").error["code"] == "Usage"
    assert Podid(env={"PODID_OUTPUT": "json"})("frobnicate", "-o", "table").stderr.startswith("Error: ")
    # behind -- nothing is an option any more
    assert Podid()("list", "--", "-o", "json").stderr.startswith("Error: ")


def test_an_error_in_full(podid: Podid) -> None:
    outcome = podid("status", "shop/nobody")
    assert (outcome.code, outcome.stdout) == (5, "")
    assert outcome.stderr == ("Error: shop/nobody has no association in cluster demo.\nTry:   podid list\n")


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    raised(monkeypatch, KeyboardInterrupt())
    outcome = Podid()("list")
    assert (outcome.code, outcome.stdout, outcome.stderr) == (130, "", "Interrupted.\n")
    # a terminal has ^C on the line by then
    assert Podid(tty=True)("list").stderr == "\nInterrupted.\n"


def test_ctrl_c_during_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def dispatch(argv: list[str], runtime: Runtime) -> int:
        runtime.changing = True
        raise KeyboardInterrupt

    monkeypatch.setattr(boundary, "_dispatch", dispatch)
    line = "associate shop/orders --role storefront --journal-dir runs"
    assert Podid()(*line.split()).stderr == (
        "Interrupted. `podid history --journal-dir runs` lists the changes; it is safe to run the command again: "
        f"podid {line}\n"
    )


def test_the_command_to_run_again_is_one_for_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    def dispatch(argv: list[str], runtime: Runtime) -> int:
        runtime.changing = True
        raise KeyboardInterrupt

    monkeypatch.setattr(boundary, "_dispatch", dispatch)
    line = ("associate", "shop/orders", "--role", "shop-orders", "--tag", "team=a b", "--cluster", "demo")
    _, *words, first, second, third = Podid(tty=True, width=40)(*line).stderr.splitlines()
    assert " ".join(" ".join(words).split()).endswith("it is safe to run the command again:")
    assert shlex.split(first.rstrip("\\") + second.rstrip("\\") + third) == ["podid", *line]
    assert Podid()(*line).stderr.endswith(f"again: podid {shlex.join(line)}\n")
