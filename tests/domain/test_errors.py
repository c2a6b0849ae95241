"""Exit codes of errors."""

import pytest

from podid.domain.errors import MEANING, ExitCode, combine


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANING) == set(ExitCode)


@pytest.mark.parametrize(
    ("codes", "one"), [({0}, 0), ({0, 3}, 3), ({3, 9}, 3), ({3, 8, 9}, 8), ({9, 0}, 9), (set(), 0), ({4, 5}, 5)]
)
def test_one_exit_code_of_several(codes: set[int], one: int) -> None:
    assert combine({ExitCode(code) for code in codes}) == one
