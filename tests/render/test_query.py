"""--query: what no result can answer ends with 2 and the reason, and in some seconds whatever it asks for."""

import json
import time
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.functions import Functions

from harness import Podid, table
from podid.domain.errors import UsageError
from podid.render import query

DOCUMENT: Any = {
    "kind": "List",
    "items": [
        {"name": f"a{number}", "tags": {"x": "1"}, "on": True, "n": number, "none": None} for number in range(300)
    ],
}
TWICE = {
    "values": "[@,@]",
    "members": "{a:@,b:@}",
    "lists": "[@,@][]",
    "texts": "join('', [to_string(@),to_string(@)])",
    "mapped": "map(&[@,@], [@,@])",
    "filtered": "[@,@][?@]",
}
SLIPS = {
    "items[::0]": "slice step cannot be zero",
    "items[" + "9" * 5000 + "]": "",
    "`" + "[" * 100_000 + "]" * 100_000 + "`": "it is nested too deeply",
    "(" * 5000 + "kind" + ")" * 5000: "it is nested too deeply",
    "!" * 5000 + "kind": "it is nested too deeply",
    "items|" * 5000 + "@": "it is nested too deeply",
    "[" * 200 + "@" + "]" * 200: "it is nested deeper than 100 levels",
    "&items": "a part of it is an expression",
    "[&items]": "a part of it is an expression",
    "contains('abc', `1`)": "requires string",
    "ceil(to_number('inf'))": "cannot convert float infinity",
    "to_number('nan')": "a number in it is too large or not valid",
    "`1e999`": "a number in it is too large or not valid",
    f"to_number('{'9' * 4000}')": "a number in it is too large",
    "join('" + "x" * 50_000 + "', items[].name)": "it processes more than",
}


def answered(text: str) -> Any:
    query.check(text)
    return query.search(text, DOCUMENT)


@table(("text", "why"), SLIPS.items())
def test_a_slip_is_told(text: str, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        answered(text)
    assert raised.value.message.startswith("--query ")
    assert why in raised.value.message
    assert len(raised.value.message) < 500


@pytest.mark.parametrize("step", TWICE.values(), ids=TWICE)
@pytest.mark.parametrize("end", ["@", "to_string(@)", "[@,@] | [0] == [1]", "contains(@, 'x')"])
def test_what_doubles_thirty_times_is_given_up(step: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "MOST_STEPS", 100_000)
    text = " | ".join([*[step] * 30, end])
    began = time.process_time()
    query.check(text)
    with pytest.raises(UsageError, match="processes more than 100,000 values"):
        query.search(text, DOCUMENT)
    assert time.process_time() - began < 5


def test_comparisons_in_comparisons_are_made_once() -> None:
    text = "kind == kind"
    for _ in range(11):
        text = f"({text}) == (kind == `1`)"
    assert query.search(text, DOCUMENT) in (True, False)


NAMES = st.sampled_from(
    ["kind", "items", "name", "tags", "x", "n", "none", "@", "items[0]", "items[-1].n", "`1`", "'a'"]
)
WORDS = st.sampled_from(sorted(Functions.FUNCTION_TABLE))
EXPRESSIONS = st.recursive(
    NAMES,
    lambda part: st.one_of(
        st.builds("{}.{}".format, part, NAMES),
        st.builds("{} | {}".format, part, part),
        st.builds("{}[]".format, part),
        st.builds("{}[*].{}".format, part, NAMES),
        st.builds("{}[?{}]".format, part, part),
        st.builds("{}[{}:{}:{}]".format, part, st.integers(-3, 3), st.integers(-3, 3), st.integers(-2, 2)),
        st.builds("[{}, {}]".format, part, part),
        st.builds("{{a: {}, b: {}}}".format, part, part),
        st.builds("({} {} {})".format, part, st.sampled_from(["==", "!=", "<", ">=", "&&", "||"]), part),
        st.builds("!{}".format, part),
        st.builds("{}({})".format, WORDS, part),
        st.builds("{}({}, {})".format, WORDS, part, part),
        st.builds("{}({}, &{})".format, WORDS, part, part),
        st.builds("{}(&{}, {})".format, WORDS, part, part),
    ),
    max_leaves=12,
)


@given(EXPRESSIONS)
def test_any_expression_is_answered_as_jmespath_does_or_refused(text: str) -> None:
    expected: Any = None
    try:
        expected, fits = jmespath.search(text, DOCUMENT), True
        json.dumps(expected, allow_nan=False)
    except Exception:  # noqa: BLE001  whatever it raises
        fits = False
    if fits:
        assert answered(text) == expected
    else:
        with pytest.raises(UsageError):
            answered(text)


@pytest.mark.parametrize("output", ["json", "jsonl", "yaml", "table"])
@pytest.mark.parametrize(
    "text", ["items[::0]", " | ".join(["[@,@]"] * 40), "(" * 3000, "&items", "items|" * 3000 + "@"]
)
def test_a_command_ends_with_2_and_prints_nothing(text: str, output: str) -> None:
    outcome = Podid()("doctor", "--list", "-o", output, "--query", text)
    assert (outcome.code, outcome.stdout) == (2, "")
    error = outcome.error["message"] if output in ("json", "jsonl") else outcome.stderr.removeprefix("Error: ")
    assert error.startswith("--query ")
    assert "ran into a bug" not in outcome.stderr


def test_what_people_ask_of_five_thousand_is_far_from_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "MOST_STEPS", query.MOST_STEPS // 5)
    members = {f"member{number}": number for number in range(20)}
    many: Any = {"items": [{"namespace": f"n{number % 50}", **members} for number in range(5000)]}
    for text in (
        "@",
        "items[].[namespace, member1, member2, member3, member4, member5]",
        "items[?namespace == 'n7'] | sort_by(@, &member3)[].{ns: namespace, a: member1, b: member2}",
        "items[?contains(namespace, '7') && member1 != `2`] | length(@)",
        "join(', ', items[].namespace)",
    ):
        assert query.search(text, many)
