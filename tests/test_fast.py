"""The tests that `make fast` omits and the grids that `make test` samples exist."""

from pathlib import Path

import pytest

from conftest import SAMPLED, SLOW, TELLING

TESTS = Path(__file__).parent


@pytest.mark.parametrize("prefix", [*SLOW, *TELLING, *SAMPLED])
def test_what_is_named_exists(prefix: str) -> None:
    path, _, name = prefix.partition("::")
    assert (TESTS / path).exists()
    assert not name or f"\ndef {name.partition('[')[0]}" in (TESTS / path).read_text(encoding="utf-8")
