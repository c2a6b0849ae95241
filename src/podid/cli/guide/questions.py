"""What a guided run asks next, as data, and the loop that asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from podid.domain.errors import PodidError

Facts = TypeVar("Facts")
# what was answered so far, by the keys of the questions; never changed, so that going back is taking an earlier one
Answers = Mapping[str, str]
# the next question of one kind; None where there is nothing, or nothing more, to ask
Step = Callable[[Answers, Facts], "Prompt | None"]

# an option whose value is to be typed: the question after it asks for that
OTHER = "…"
YES, NO = "yes", "no"
NOTHING = "nothing"


def anything(text: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Option:
    """`value` is the answer, `title` and `note` are what is shown. One that cannot be taken says why in `off`."""

    value: str
    title: str
    note: str = ""
    off: str = ""


ANOTHER = Option(OTHER, "Another one: I type its name")
# of a role's trust, where podid may change it
ADD_STATEMENT = Option(YES, "Yes: add a statement to its trust policy; the others stay as they are")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """`key` is what the answer is kept as, `lead` are sentences before it. Without options the answer is typed, and
    `check` says what is wrong with it, "" for nothing."""

    key: str
    text: str
    lead: Sequence[str] = ()
    options: tuple[Option, ...] = ()
    check: Callable[[str], str] = field(default=anything)


def refused(read: Callable[[str], object]) -> Callable[[str], str]:
    """A check: what `read` says of a text that it does not take."""

    def check(text: str) -> str:
        try:
            read(text.strip())
        except PodidError as error:
            return error.what
        return ""

    return check


def file_of(text: str) -> Path:
    """The file that was typed."""
    return Path(text.strip()).expanduser()


def no_file(text: str) -> str:
    """A check, for a file that is there."""
    return "" if file_of(text).is_file() else "there is no such file"


def next_question(steps: Sequence[Step[Facts]], answers: Answers, facts: Facts) -> Prompt | None:
    return next((question for step in steps if (question := step(answers, facts)) is not None), None)


def walk(
    steps: Sequence[Step[Facts]],
    load: Callable[[Answers], Facts],
    ask: Callable[[Prompt, bool], str | None],
) -> Answers:
    """Asks until nothing is left to ask. `load` gives what is known where these answers hold; `ask` gives the answer,
    or None to go back, which is offered (its second argument) from the second question on."""
    answers: Answers = {}
    earlier: list[Answers] = []
    while (question := next_question(steps, answers, load(answers))) is not None:
        answer = ask(question, bool(earlier))
        if answer is None:
            answers = earlier.pop()
        else:
            earlier.append(answers)
            answers = {**answers, question.key: answer}
    return answers


def chosen(answers: Answers, name: str) -> list[str]:
    """What was taken in a question that is asked until there is no more to say: its answers are `NAME.0`, `NAME.1`…"""
    return [value for key, value in answers.items() if key.startswith(f"{name}.")]


def aligned(options: Sequence[Option]) -> tuple[Option, ...]:
    """With their notes in one column."""
    longest = max((len(option.title) for option in options if option.note or option.off), default=0)
    return tuple(
        Option(
            option.value, option.title.ljust(min(longest, 40)) if option.note else option.title, option.note, option.off
        )
        for option in options
    )
