"""Questions at a terminal. questionary is imported when one is asked, and draws on stderr: stdout is data."""

import sys
from collections.abc import Sequence

from podid.domain.errors import Cancelled


class Prompter:
    """Asks on the process's own terminal. Ctrl-C at a question is Cancelled, exit 130."""

    def confirm(self, question: str) -> bool:
        import questionary
        from prompt_toolkit.output import create_output

        answer = questionary.confirm(question, default=False, output=create_output(stdout=sys.stderr)).ask(kbi_msg="")
        return bool(_answered(answer))

    def choose(self, question: str, choices: Sequence[str]) -> str:
        import questionary
        from prompt_toolkit.output import create_output

        output = create_output(stdout=sys.stderr)
        return str(_answered(questionary.select(question, choices=list(choices), output=output).ask(kbi_msg="")))


def _answered(answer: object) -> object:
    if answer is None:
        raise Cancelled("Interrupted at the question; nothing was changed")
    return answer
