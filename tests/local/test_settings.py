"""Lines of the settings file."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import examples
from podid.domain.errors import InvalidInput
from podid.local.settings import parsed

PART = st.text(" \t\"'\\#=[]ab-.\u00e9\u2028\x7f", max_size=12)


@settings(max_examples=examples(200))
@given(
    st.lists(st.one_of(PART, st.tuples(st.sampled_from(["region", "a_b", "-", "é"]), PART).map(" = ".join)), max_size=4)
)
def test_plain_lines_are_read_as_toml(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        expected: object = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(InvalidInput, match="line"):
            parsed(text, Path("f"))
        return
    assert {key: value for key, (value, _) in parsed(text, Path("f")).items()} == expected
