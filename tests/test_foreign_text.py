"""Whatever AWS, the cluster, a file or the command line hold: no line of podid's output is another's, and a CI runner
that obeys what it reads finds no command in it."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from foreign import ENDS, RUNNER, check
from harness import Outcome, examples, one_in
from podid.aws.api import Api
from podid.kube.transport import Transport
from podid.ops.change.journal import Journal
from podid.render.formats import Format
from worlds import Site

FORGED = "".join(f"{end}::error ::forged" for end in ENDS)


HOSTILE = f"name{FORGED}\t\x1b[31m\u202e##[group]forged ##vso[task.complete]\ud800"


LEADING = "\u00a0::error ::forged"


def check_all(outcome: Outcome, *, leading: bool = False, wrapped: bool = False) -> None:
    check(outcome.stdout, leading=leading, wrapped=wrapped)
    check(outcome.stderr, leading=leading, wrapped=wrapped)


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
