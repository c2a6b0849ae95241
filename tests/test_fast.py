"""The tests that `make fast` omits exist."""

from pathlib import Path

from conftest import SLOW, TELLING
from harness import table

TESTS = Path(__file__).parent


@table("prefix", [*SLOW, *TELLING])
def test_what_is_named_exists(prefix: str) -> None:
    path, _, name = prefix.partition("::")
    assert (TESTS / path).exists() or any(TESTS.glob(f"{path}*.py"))
    assert not name or f"\ndef {name.partition('[')[0]}" in (TESTS / path).read_text(encoding="utf-8")
