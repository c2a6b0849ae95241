"""Questions as a terminal asks them: what is typed reaches the real prompt through a pseudo-terminal's bytes."""

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from podid.cli.prompts import Prompter


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def ask(typed: str, word: str = "") -> bool:
        import prompt_toolkit.output

        monkeypatch.setattr(prompt_toolkit.output, "create_output", lambda **_: DummyOutput())
        with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
            keys.send_text(typed)
            return Prompter().confirm("Delete it?", word=word)

    return ask


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("y\r", True),
        ("yes\r", True),
        ("Y\r", True),
        ("\r", False),
        ("n\r", False),
        ("no\r", False),
        ("maybe\r\x15n\r", False),  # not taken for an answer, wiped, then no
        ("yn\r\x15\r", False),
    ],
)
def test_an_answer_ends_with_enter_and_is_a_whole_word(answered, typed: str, expected: bool) -> None:  # type: ignore[no-untyped-def]
    assert answered(typed) is expected


@pytest.mark.parametrize(("typed", "expected"), [("delete\r", True), ("y\r\x15\r", False), ("yes\r\x15no\r", False)])
def test_grave_questions_require_the_word(answered, typed: str, expected: bool) -> None:  # type: ignore[no-untyped-def]
    assert answered(typed, "delete") is expected
