"""Whatever AWS, the cluster, a file or the command line hold: no line of podid's output is another's, and a CI runner
that obeys what it reads finds no command in it."""

import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Outcome, examples, from_yaml, one_in
from podid.aws.api import Api
from podid.cli.runtime import Runtime, Streams
from podid.domain.errors import PodidError
from podid.domain.members import API_VERSION
from podid.kube.transport import Transport
from podid.ops.change.journal import Journal
from podid.render import sanitize
from podid.render.errors import error_json, error_text
from podid.render.formats import Format, to_text
from podid.render.screen import Screen
from podid.render.view import Line, Table, View, columns
from worlds import Site

ENDS = ("\n", "\r", "\r\n", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c")
FORGED = "".join(f"{end}::error ::forged" for end in ENDS)
HOSTILE = f"name{FORGED}\t\x1b[31m\u202e##[group]forged ##vso[task.complete]\ud800"
LEADING = "\u00a0::error ::forged"
RUNNER = {"GITHUB_ACTIONS": "true"}
# layout of podid's own
OWN = re.compile(r"[\n\t]")
TEXTS = (Format.TABLE, Format.WIDE, Format.CSV, Format.NAME, Format.YAML)


def check(text: str, *, leading: bool = False, wrapped: bool = False) -> None:
    """`leading`: for a runner, where also what a field begins with is no command. `wrapped`: what is too long for a
    terminal goes on below, indented."""
    text.encode()
    assert sanitize.line(OWN.sub("", text)) == OWN.sub("", text), text
    if leading:
        assert "##[" not in text, text
        assert "##vso[" not in text, text
    for line in text.splitlines():
        assert not (line if wrapped and not leading else line.lstrip()).startswith("::"), text


def check_all(outcome: Outcome, *, leading: bool = False, wrapped: bool = False) -> None:
    check(outcome.stdout, leading=leading, wrapped=wrapped)
    check(outcome.stderr, leading=leading, wrapped=wrapped)


# --- each writer ------------------------------------------------------------------------------------------------------

FOREIGN = st.lists(
    st.sampled_from((*ENDS, "a", " ", "\t", ":", "::error ::", "#", "##[", "##vso[", "\x1b[2J", "\u202e"))
)


@given(FOREIGN.map("".join))
def test_no_writer_lets_a_value_begin_a_line(value: str) -> None:
    view = View(
        {"apiVersion": API_VERSION, "kind": "Test", "value": value, "tags": {value: value}, "items": [value]},
        (Table(columns("A", "B"), (("x" + value, value),)),),
        ("x" + value,),
    )
    lines = View(view.document, view.tables, view.names, ("x" + value, Line(f"y{value}", "bad")))
    for output in TEXTS:
        check(to_text(view, output))
    check(lines.text)
    for output in (Format.JSON, Format.YAML):
        text = to_text(view, output)
        check(text, leading=True)
        assert (json.loads(text) if output is Format.JSON else from_yaml(text)) == view.document
    error = PodidError(f"x{value}", hint=("podid", value), advice=f"x{value}", subject=value, permission=value)
    check(error_text(error, (), Screen()))
    text = error_json(error, ())
    check(text, leading=True)
    assert json.loads(text)["error"]["message"] == error.message


@given(st.lists(FOREIGN.map("".join).map(lambda text: text.rstrip(":#vso")), max_size=4))
def test_a_runner_finds_no_command(pieces: list[str]) -> None:
    """However a text is cut into writes, but through the sign of a command itself."""
    written = io.StringIO()
    runtime = Runtime(streams=Streams(io.StringIO(), written, io.StringIO(), False, False, False), env=RUNNER)
    for piece in pieces:
        runtime.streams.stdout.write(piece)
    lines = re.split(r"[\r\n]+", written.getvalue())
    assert not any(line.lstrip().startswith("::") or re.search(r"##(vso)?\[", line) for line in lines)


# --- every place of an answer -----------------------------------------------------------------------------------------

# what a reading or a change consists of; a command may end as it likes
COMMANDS = (
    "whoami",
    "list",
    "list -o wide",
    "show shop/orders",
    "role list",
    "role show shop-orders",
    "agent status",
    "agent nodes",
    "doctor",
    "verify shop/orders --yes",
    "restart shop/orders --dry-run",
    "associate shop/orders --role storefront",
    "associate shop/cart --role storefront --dry-run",
    "disassociate shop/orders --yes --dry-run",
    "install-agent --dry-run",
)
# podid sends these back, and nobody sees them
SENT = {"nextToken", "Marker", "continue", "resourceVersion", "accessKeyId", "secretAccessKey", "sessionToken"}
Change = Callable[[str, Any], Any]


def changed(value: Any, key: str, change: Change) -> Any:
    if isinstance(value, Mapping):
        return {name: changed(member, name, change) for name, member in value.items()}
    if isinstance(value, list):
        return [changed(item, key, change) for item in value]
    return change(key, value) if isinstance(value, str) and key not in SENT else value


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Change]]:
    """What is done with every text of every answer of AWS and Kubernetes."""
    changes: list[Change] = []
    send, request = Api._send, Transport._request

    def sent(self: Api, *args: Any, **named: Any) -> Any:
        answer = send(self, *args, **named)
        return changed(answer, "", changes[0]) if changes else answer

    def requested(self: Transport, *args: Any, **named: Any) -> bytes:
        body = request(self, *args, **named)
        return json.dumps(changed(json.loads(body), "", changes[0])).encode() if changes and body else body

    monkeypatch.setattr(Api, "_send", sent)
    monkeypatch.setattr(Transport, "_request", requested)
    yield changes
    changes.clear()


def appending(wanted: str, text: str) -> Change:
    return lambda key, value: f"{value}{text}" if key == wanted else value


def replacing(wanted: str, text: str) -> Change:
    return lambda key, value: text if key == wanted else value


def _seen(site: Site, answers: list[Change]) -> dict[str, list[str]]:
    """For each member of an answer the commands that see it."""
    seen: dict[str, list[str]] = defaultdict(list)
    for command in COMMANDS:
        keys: set[str] = set()

        def note(key: str, value: Any, keys: set[str] = keys) -> Any:
            keys.add(key)
            return value

        answers[:] = [note]
        site(*command.split())
        for key in keys:
            seen[key].append(command)
    return seen


def test_a_hostile_text_in_every_place_of_an_answer(healthy: Site, answers: list[Change]) -> None:
    """Every eighth place in one of the commands that see it, in some format, on a terminal or not; under `make fuzz`
    every place in all of them."""
    seen = _seen(healthy, answers)
    assert len(seen) > 40
    for place, (wanted, commands) in enumerate(sorted(seen.items())):
        if place % 8 and examples(1) == 1:
            continue
        for number in range(min(examples(1), len(commands))):
            turn = place + number
            command = commands[turn % len(commands)].split()
            answers[:] = [replacing(wanted, LEADING)] if turn % 3 == 0 else [appending(wanted, HOSTILE)]
            more = ("-o", list(Format)[turn // 2 % len(Format)]) if turn % 2 and "-o" not in command else ()
            healthy.podid.tty, healthy.podid.width = turn % 5 == 0, 80
            env = {"NO_COLOR": "1", "TERM": "dumb", "CI": "true"} | (RUNNER if turn % 3 == 0 else {})
            check_all(healthy(*command, *more, env=env), leading=turn % 3 == 0, wrapped=turn % 5 == 0)


# --- messages, files, words of the command line, the journal ----------------------------------------------------------


@pytest.mark.parametrize("env", [RUNNER, pytest.param({}, marks=pytest.mark.rare)])
@pytest.mark.parametrize(
    "argv",
    [
        (HOSTILE,),
        ("list", HOSTILE),
        ("list", "--cluster", HOSTILE),
        ("list", "--context", HOSTILE),
        ("list", "--kubeconfig", HOSTILE),
        ("list", "--query", HOSTILE),
        ("list", "-o", HOSTILE),
        ("list", "--profile", HOSTILE),
        ("list", "--region", HOSTILE),
        ("show", HOSTILE),
        ("show", f"shop/{HOSTILE}"),
        ("doctor", f"pod/shop/{HOSTILE}"),
        ("explain", HOSTILE),
        ("trust", "check", HOSTILE),
        ("associate", "shop/orders", "--role", HOSTILE),
        ("associate", "shop/orders", "--role", "storefront", "--tag", f"{HOSTILE}=x"),
        ("associate", "shop/orders", "--role", "storefront", "--session-policy", HOSTILE),
        ("role", "create", HOSTILE, "--for", "shop/orders"),
        ("role", "create", "orders", "--for", HOSTILE, "--policy-file", HOSTILE),
        ("undo", HOSTILE),
        ("history", HOSTILE),
    ],
    ids=lambda value: (
        " ".join(value)[:30].replace("\n", " ") if isinstance(value, tuple) else "runner"[: len(value) * 6]
    ),
)
def test_words_of_the_command_line(healthy: Site, argv: tuple[str, ...], env: dict[str, str]) -> None:
    words = tuple(word.replace("\ud800", "") for word in argv)
    check_all(healthy(*words, env=env), leading=bool(env))


@pytest.mark.parametrize("output", one_in(3, Format))
def test_words_that_the_journal_keeps(healthy: Site, output: Format) -> None:
    argv = ("associate", "shop/orders", "--role", "storefront", "--replace", "--tag", "a=b\n::error ::forged")
    check_all(healthy(*argv))
    assert Journal(healthy.directory / "state" / "podid" / "journal").runs()
    for command in (("history",), ("history", "last"), ("undo", "last", "--dry-run")):
        check_all(healthy(*command, "-o", output, env=RUNNER), leading=True)
