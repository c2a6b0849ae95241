"""Marks and words of states."""

from podid.domain.status import IdentityState
from podid.render.marks import STATES, marked, rank_of, state_line, state_lines, state_word


def test_every_state_has_a_mark_and_a_word() -> None:
    assert STATES.keys() == {*IdentityState, None}
    assert [state_word(state) for state in (IdentityState.NONE, IdentityState.STALE, None)] == [
        "no association",
        "stale",
        "not checked",
    ]


def test_a_state_without_a_claim_comes_after_the_problems() -> None:
    states = [IdentityState.READY, None, IdentityState.DOUBTFUL]
    assert sorted(states, key=rank_of) == [IdentityState.DOUBTFUL, None, IdentityState.READY]


def test_the_colour_ends_after_the_mark_or_the_words() -> None:
    line = marked(("✓", "good"), "fine", lead="  ")
    assert (line.text, line.style, line.text[: line.upto]) == ("  ✓ fine", "good", "  ✓")
    line = state_line(IdentityState.BROKEN, "shop/orders  broken", " at link 9")
    assert (line.text, line.style) == ("✗ shop/orders  broken at link 9", "bad")
    assert line.text[: line.upto] == "✗ shop/orders  broken"


def test_lines_are_in_columns() -> None:
    rows = [(IdentityState.READY, "a/b", "role x"), (IdentityState.NONE, "shop/orders", "")]
    lines = [line.text for line in state_lines(rows) if not isinstance(line, str)]
    assert lines == ["✓ a/b          ready           role x", "- shop/orders  no association"]
