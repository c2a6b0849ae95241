"""Run podid in process, as the console script would, and return everything that a user could see."""

import inspect
import io
import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from _pytest.mark.structures import ParameterSet

from podid.cli.boundary import main
from podid.cli.guide.questions import Prompt
from podid.cli.runtime import Runtime, Streams
from podid.domain.encoding import plain
from podid.render.view import View
from podid.sandbox.contract import SandboxClock


def from_yaml(text: str) -> Any:
    """Return the same as `yaml.safe_load`, with the C parser if available: in a tenth of the time."""
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def examples(steady: int) -> int:
    """Return how many examples of a property are tried: `steady`, or twenty times as many under `make fuzz`."""
    return steady * (20 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 1)


def one_in(number: int, cases: Iterable[Any]) -> list[Any]:
    """Return cases of one kind for `parametrize`: every `number`-th always runs, the others under `make fuzz`. A tuple
    holds the values of several parameters, so a single value that is a tuple must be in another tuple."""
    rare = pytest.mark.rare
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=() if place % number == 0 else rare)
        for place, case in enumerate(cases)
    ]


def table(names: str | Sequence[str], rows: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test for all rows, and report all that fail, as one test: pytest takes longer for a test than most pure
    functions. Arguments are those of `parametrize`. Fixtures are shared by all rows, so they must not change."""
    words = names.replace(",", " ").split() if isinstance(names, str) else list(names)
    cases = [row.values if isinstance(row, ParameterSet) else row if len(words) > 1 else (row,) for row in rows]

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def run(**fixtures: Any) -> None:
            failures = []
            for case in cases:
                row = dict(zip(words, case, strict=True))
                try:
                    test(**row, **fixtures)
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  raised below, with its row
                    error.add_note(f"in the row {row!r:.300}")
                    failures.append(error)
            if len(failures) == 1:
                raise failures[0]
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(cases)} rows", failures)

        signature = inspect.signature(test)
        run.__signature__ = signature.replace(  # type: ignore[attr-defined]  # pytest reads fixtures from it
            parameters=[value for name, value in signature.parameters.items() if name not in words]
        )
        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        assert cases, "a table without rows tests nothing"
        return run

    return decorate


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one command line."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def error(self) -> Any:
        """Return the error document on stderr, which progress lines may precede."""
        return json.loads(self.stderr.strip().splitlines()[-1])["error"]


def members(view: View) -> Any:
    """Return the document of a view."""
    return plain(view.document)


GOLDEN = Path(__file__).parent / "golden"
_IDS = re.compile(r"\ba-[a-z0-9]{17}\b")
# ids of sessions, ends of pods' names, run ids: each with its replacement
_RANDOM = (
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "00000000-0000-0000-0000-000000000000"),
    (r"\b(eks-pod-identity-agent)-[a-z0-9]{5}\b", r"\1-xxxxx"),
    (r"\b(orders)-[a-z0-9]{10}-[a-z0-9]{5}\b", r"\1-xxxxxxxxxx-xxxxx"),
    (r"(-xxxxx on\s+ip-10-0)-\d-\d\d", r"\1-0-10"),
    (r"\b(eks-demo-orders)-[a-z0-9]{3}-", r"\1-xxx-"),
    (r"\b(\d{8}T)\d{9}Z-[0-9a-f]{6}\b", r"\g<1>000000000Z-000000"),
    (r"^[0-9a-f]{6}(?=  )", "000000"),
    (r"\.\d{3}Z\b", ".000Z"),
    # the number of passed verdicts on each link grows with every check
    (r"^( \S +\d+ [a-zA-Z][a-zA-Z ]{17})[ \d]{3}\d(?=  |$)", r"\1   N"),
    (r"✓ \d+ checks found", "✓ N checks found"),
    (r"\b\d+ passed$", "N passed"),
)


@dataclass(frozen=True, slots=True)
class Golden:
    """Code, stdout and stderr of a command line, complete, in a file. Random ids become numbers of the same length,
    control sequences of the cursor become readable, and the numbers of passed verdicts become N."""

    update: bool = False

    def __call__(self, name: str, argv: Sequence[str], outcome: Outcome) -> None:
        parts = (f"$ {shlex.join(('podid', *argv))}", f"exit {outcome.code}", "--- stdout", outcome.stdout)
        text = "\n".join((*parts, "--- stderr", outcome.stderr)).replace("\r", "\\r").replace("\x1b", "\\e")
        text += "" if text.endswith("\n") else "\n"
        ids: dict[str, str] = {}
        text = _IDS.sub(lambda match: ids.setdefault(match[0], f"a-{len(ids) + 1:017}"), text)
        for pattern, instead in _RANDOM:
            text = re.sub(pattern, instead, text, flags=re.MULTILINE)
        path = GOLDEN / f"{name}.txt"
        if self.update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text.splitlines() == path.read_text(encoding="utf-8").splitlines()


class Answers:
    """A prompter with prepared answers. It fails the test if podid asks another question."""

    def __init__(self, *answers: bool | str) -> None:
        self._answers = list(answers)
        self.questions: list[str] = []

    def confirm(self, question: str, *, word: str = "") -> bool:
        self.questions.append(f"{question} [{word}]" if word else question)
        answer = self._answers.pop(0)
        assert isinstance(answer, bool)
        return answer

    def choose(self, question: str, choices: Sequence[str]) -> str:
        self.questions.append(f"{question} {', '.join(choices)}")
        answer = self._answers.pop(0)
        assert isinstance(answer, str)
        return answer

    def ask(self, question: Prompt, *, back: bool) -> str | None:
        """Return an option's value, or the typed text."""
        self.questions.append(question.text)
        answer = self._answers.pop(0)
        assert isinstance(answer, str)
        assert not question.options or answer in {option.value for option in question.options}, (question, answer)
        return answer


@dataclass(slots=True)
class Podid:
    """`podid("list", "-o", "json")` runs podid. Streams are pipes unless `tty`; with `clock` podid uses its time."""

    env: Mapping[str, str] = field(default_factory=dict)
    tty: bool = False
    width: int = 200
    height: int = 0
    answers: Answers | None = None
    sleep: Callable[[float], None] | None = None
    clock: SandboxClock | None = None

    def __call__(self, *argv: str, stdin: str = "", **env: str) -> Outcome:
        stdout, stderr = io.StringIO(), io.StringIO()
        streams = Streams(
            stdin=io.StringIO(stdin),
            stdout=stdout,
            stderr=stderr,
            stdin_tty=self.tty,
            stdout_tty=self.tty,
            stderr_tty=self.tty,
            width=self.width,
            height=self.height,
        )
        runtime = Runtime(streams=streams, env={**self.env, **env}, argv=argv)
        if self.clock is not None:  # waits advance the sandbox's clock and take no real time
            runtime.sleep = self.clock.advance
            runtime.monotonic = self.clock.now
            runtime.now = self.clock.datetime
        if self.sleep is not None:
            runtime.sleep = self.sleep
        if self.answers is not None:
            runtime.prompter = self.answers  # type: ignore[assignment]  # same two methods, no terminal
        code = main(list(argv), runtime)
        if self.clock is not None:  # a command takes some time, so that the results of two commands have an order
            self.clock.advance(0.001)
        return Outcome(code, stdout.getvalue(), stderr.getvalue())


def at_home(*argv: str, **env: str) -> Outcome:
    """Run podid with no other variables than HOME and these."""
    return Podid(env={"HOME": os.environ["HOME"], **env})(*argv)
