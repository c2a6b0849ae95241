"""Questions at a terminal. questionary is imported when one is asked, and draws on stderr: stdout is data."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.cli.guide.questions import Option, Prompt
from podid.domain.errors import Cancelled
from podid.render import sanitize

if TYPE_CHECKING:
    from prompt_toolkit.output import Output

# more than fit on a small screen can be filtered
_MANY = 9
_BACK = "\0"


class Prompter:
    """Asks on the process's own terminal. Ctrl-C at a question is Cancelled, exit 130."""

    def confirm(self, question: str, *, word: str = "") -> bool:
        """Whether the answer, ended with Enter, is yes; with `word`, whether it is that word. questionary's own
        confirmation acts on a single key, which a word typed in haste can hold."""
        import questionary
        from prompt_toolkit.output import create_output

        accepted = (word,) if word else ("y", "yes")
        refused = ("", "n", "no")
        prompt = f"{question} Type {word} to go on:" if word else f"{question} [y/N]"
        answer = questionary.text(
            prompt,
            validate=lambda text: text.strip().lower() in (*accepted, *refused) or f"{' or '.join(accepted)}, or no",
            output=create_output(stdout=sys.stderr),
        ).ask(kbi_msg="")
        return str(_answered(answer)).strip().lower() in accepted

    def choose(self, question: str, choices: Sequence[str]) -> str:
        options = tuple(Option(choice, choice) for choice in choices)
        return str(self.ask(Prompt(key="", text=question, options=options), back=False))

    def ask(self, question: Prompt, *, back: bool) -> str | None:
        """The answer: an option's value, or what was typed; None to go back, which is offered with `back`."""
        from prompt_toolkit.output import create_output

        output = create_output(stdout=sys.stderr)
        return _selected(question, back, output) if question.options else _typed(question, back, output)


def _selected(question: Prompt, back: bool, output: Output) -> str | None:
    """One option a line, cut to the terminal's width. Long lists are filtered by what is typed."""
    import questionary

    room = max(20, output.get_size().columns - 4)
    choices = [
        questionary.Choice(_cut(_shown(option), room), value=option.value, disabled=option.off or None)
        for option in question.options
    ]
    if back:
        choices.append(questionary.Choice("← back", value=_BACK))
    long = len(question.options) > _MANY
    answer = _answered(
        questionary.select(
            question.text,
            choices=choices,
            instruction="(arrow keys or some letters, Enter)" if long else "(arrow keys, Enter)",
            use_search_filter=long,
            use_jk_keys=False,
            output=output,
            erase_when_done=True,
        ).ask(kbi_msg="")
    )
    if answer == _BACK:
        return None
    # without its note, and no longer than a line
    title = next(option.title for option in question.options if option.value == answer).strip()
    sys.stderr.write(f"{_cut(f'? {question.text} {title}', room + 3)}\n")
    sys.stderr.flush()
    return str(answer)


def _shown(option: Option) -> str:
    return f"{option.title}  {option.note}" if option.note else option.title


def _cut(text: str, room: int) -> str:
    line = sanitize.line(text)
    return line if len(line) <= room else line[: room - 1] + "…"


def _typed(question: Prompt, back: bool, output: Output) -> str | None:
    """Nothing typed is the way back."""
    import questionary

    def problem(text: str) -> bool | str:
        if not text.strip():
            return back or "something has to be typed"
        return question.check(text) or True

    instruction = "(Enter alone goes back) " if back else None
    answer = questionary.text(question.text, validate=problem, instruction=instruction, output=output).ask(kbi_msg="")
    return str(_answered(answer)).strip() or None


def _answered(answer: object) -> object:
    if answer is None:
        raise Cancelled("Interrupted at the question; nothing was changed")
    return answer
