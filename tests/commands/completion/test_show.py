"""`podid completion show`."""

from harness import Podid


def test_an_unknown_shell_is_refused() -> None:
    outcome = Podid()("completion", "tcsh")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr == "Error: 'tcsh' is not one of bash, zsh, fish.\n"
