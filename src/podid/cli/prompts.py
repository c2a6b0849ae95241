"""Questions at a terminal. questionary is imported when one is asked, and draws on stderr: stdout is data."""

import sys
from collections.abc import Sequence

from podid.domain.errors import Cancelled


class Prompter:
    """Asks on the process's own terminal. Ctrl-C at a question is Cancelled, exit 130."""

    def confirm(self, question: str, *, word: str = "") -> bool:
        """Whether the answer, ended with Enter, is yes; with `word`, whether it is that word. questionary's own
        confirmation acts on a single key, which a word typed in haste can hold."""
        import questionary
        from prompt_toolkit.output import create_output

        wanted = (word,) if word else ("y", "yes")
        refused = ("", "n", "no")
        prompt = f"{question} Type {word} to go on:" if word else f"{question} [y/N]"
        answer = questionary.text(
            prompt,
            validate=lambda text: text.strip().lower() in (*wanted, *refused) or f"{' or '.join(wanted)}, or no",
            output=create_output(stdout=sys.stderr),
        ).ask(kbi_msg="")
        return str(_answered(answer)).strip().lower() in wanted

    def choose(self, question: str, choices: Sequence[str]) -> str:
        import questionary
        from prompt_toolkit.output import create_output

        output = create_output(stdout=sys.stderr)
        return str(_answered(questionary.select(question, choices=list(choices), output=output).ask(kbi_msg="")))


def _answered(answer: object) -> object:
    if answer is None:
        raise Cancelled("Interrupted at the question; nothing was changed")
    return answer
