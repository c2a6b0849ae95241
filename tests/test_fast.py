"""What `make fast` leaves out is there to be left out."""

from pathlib import Path

import pytest

from conftest import SLOW, TELLING

TESTS = Path(__file__).parent


@pytest.mark.parametrize("prefix", [*SLOW, *TELLING])
def test_what_is_named_exists(prefix: str) -> None:
    path, _, name = prefix.partition("::")
    assert (TESTS / path).exists()
    assert not name or f"\ndef {name.partition('[')[0]}" in (TESTS / path).read_text(encoding="utf-8")
