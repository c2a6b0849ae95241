"""JSON and YAML that people write: what cannot be meant is refused, with file, line and key."""

import contextlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Podid, from_yaml, table
from podid.domain.errors import InvalidInput
from podid.local import data
from podid.local.data import Located

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 1]))
def test_json_is_read_as_python_reads_it(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    if text[0] in "{[":  # what is neither is YAML, to which a number may be a text
        assert data.read(text, "x") == value
        assert data.read_lines(json.dumps(value), "x") == [value]


@given(VALUES)
def test_yaml_is_read_as_pyyaml_reads_it(value: Any) -> None:
    import yaml

    text = yaml.safe_dump(value)
    assert data.read(text, "x") == from_yaml(text)


@given(st.text(alphabet="{}[]\"':,-&*!|>%#?\n\t 01anul.~<\u00e9", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (data.read, data.read_lines):
        with contextlib.suppress(InvalidInput):
            read(text, "x")


def test_every_object_knows_its_line() -> None:
    for text in ('[\n{"a": 1},\n\n{"a": {\n"b": 2}}]', "\n- a: 1\n\n- a:\n    b: 2\n"):
        first, second = data.read(text, "x")
        assert (first.line, second.line) == (2, 4)
        assert isinstance(second["a"], Located)
    (_, last) = data.read_lines('{"a": 1}\n\n{"a": 2}\n', "x")
    assert last.line == 3


REFUSED = {
    '{"a": 1,\n "a": 2}': ", line 1: a appears twice",
    "a: 1\nb:\n  c: 1\n  c: 2\n": ", line 4: c appears twice",
    '{"a": ' + "1" * 5000 + "}": ", line 1: a is a number of 5,000 digits",
    '{"a":\n{"b": [' + "1" * 20 + "]}}": ", line 2: b is a number of 20 digits",
    "b: 0x" + "f" * 50: ", line 1: b is a number of 52 digits",
    '{"a": 1e999}': ", line 1: a is a number that is too large",
    "a: .nan": ", line 1: a is not a number",
    '{"a": -Infinity}': ", line 1: a is -Infinity, which is not a value",
    "[NaN]": ": one of its values is NaN, which is not a value",
    "a: 2027-13-45": ", line 1: a is a value that cannot be read",
    "a: &x [1]\nb:\n- *x": ", line 1: YAML aliases are not supported",
    "a: 1\nno: 2": ", line 2: no cannot be a key",
    "? [a]\n: 1": ", line 1: a list or an object cannot be a key",
    "a: !!set {b}": ", line 1: the YAML tag tag:yaml.org,2002:set is not supported",
    "a: !!python/name:os.system x": ", line 1: this is neither JSON nor YAML",
    "<<: {a: 1}": ", line 1: ",
    "a\n---\nb": ", line 2: this is neither JSON nor YAML",
    "[" * 100_000: " is nested too deeply",
    '{"a": ' * 60 + "1" + "}" * 60: " is nested deeper than 40 levels",
    "- " * 60 + "1": " is nested deeper than 40 levels",
    '{"\\ud800": 1}': ", line 1: \ud800 contains half of a character",
}


@table(("text", "why"), REFUSED.items())
def test_ambiguous_data_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        data.read(text, "x")
    assert raised.value.message.startswith(f"x{why}")


def test_a_day_is_a_day() -> None:
    assert data.read("a: 2027-01-31", "x") == {"a": date(2027, 1, 31)}


LINES = {
    "--from-file": ("associate", "--role", "storefront"),
    "--config-file": ("install-agent",),
    "--baseline": ("doctor",),
}


@pytest.mark.parametrize("option", LINES)
@pytest.mark.parametrize(
    "text", ["a: 1\na: 2", "a: &x 1\nb: *x", '{"a": ' + "1" * 5000 + "}", "[" * 100_000, '{"a": NaN}', "a: [", "- \x07"]
)
def test_every_option_that_takes_data_is_as_strict(podid: Podid, tmp_path: Path, option: str, text: str) -> None:
    file = tmp_path / "x"
    file.write_text(text)
    outcome = podid(*LINES[option], option, str(file))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith(f"Error: {file}")
    piped = podid(*LINES[option], option, "-", stdin=text)
    assert (piped.code, piped.stdout) == (2, "")
    assert piped.stderr.lower().startswith("error: stdin")
