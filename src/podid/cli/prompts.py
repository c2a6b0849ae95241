"""Questions at a terminal. questionary is imported for a question only, and draws on stderr: stdout is data."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.cli.guide.questions import Option, Prompt
from podid.domain.errors import Cancelled
from podid.render import sanitize

if TYPE_CHECKING:
    from prompt_toolkit.output import Output

# longer lists can be filtered
_MANY = 9
_BACK = "\0"


class Prompter:
    """Asks on the terminal of the process. Ctrl-C at a question raises Cancelled, exit 130."""

    def confirm(self, question: str, *, word: str = "") -> bool:
        """Return whether the answer is yes, or `word` if set. Enter ends the answer: questionary's own confirmation
        acts on a single key. Any other answer clears the field and asks again."""
        import questionary
        from prompt_toolkit.output import create_output

        accepted = (word,) if word else ("y", "yes")
        refused = ("", "n", "no")
        prompt = f"{question} Type {word} to continue:" if word else f"{question} [y/N]"
        output = create_output(stdout=sys.stderr)
        while True:
            text = str(_answered(questionary.text(prompt, output=output).ask(kbi_msg=""))).strip().lower()
            if text in (*accepted, *refused):
                return text in accepted
            sys.stderr.write(f"Type {' or '.join(accepted)}, or no.\n")
            sys.stderr.flush()

    def choose(self, question: str, choices: Sequence[str]) -> str:
        options = tuple(Option(choice, choice) for choice in choices)
        return str(self.ask(Prompt(key="", text=question, options=options), back=False))

    def ask(self, question: Prompt, *, back: bool) -> str | None:
        """Return the value of an option or the typed text; None to go back, which `back` offers."""
        from prompt_toolkit.output import create_output

        output = create_output(stdout=sys.stderr)
        return _selected(question, back, output) if question.options else _typed(question, back, output)


def _selected(question: Prompt, back: bool, output: Output) -> str | None:
    """Show one option a line, cut to the terminal's width. Typed letters filter long lists."""
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
            instruction="(arrow keys or letters, Enter)" if long else "(arrow keys, Enter)",
            use_search_filter=long,
            use_jk_keys=False,
            output=output,
            erase_when_done=True,
        ).ask(kbi_msg="")
    )
    if answer == _BACK:
        return None
    # one line, without the note
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
    """Ask for a typed answer; an empty one goes back."""
    import questionary

    def problem(text: str) -> bool | str:
        if not text.strip():
            return back or "type a value"
        return question.check(text) or True

    instruction = "(Enter goes back) " if back else None
    answer = questionary.text(question.text, validate=problem, instruction=instruction, output=output).ask(kbi_msg="")
    return str(_answered(answer)).strip() or None


def _answered(answer: object) -> object:
    if answer is None:
        raise Cancelled("Interrupted at the question; nothing was changed")
    return answer
