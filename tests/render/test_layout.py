"""Tables on terminals of any width: no name is broken, nothing is lost, nothing is wider than it must be."""

import json
import re
import shlex
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from harness import examples
from podid.ops.explain import explain
from podid.pages.index import ENTRIES
from podid.render.layout import LEAST_PROSE, lay_out, wrap_line
from podid.render.pages import explanation_view
from podid.render.screen import Screen, draw
from podid.render.view import NOTHING, Column, Table

NAMES = st.text(string.ascii_lowercase + "-/:", min_size=1, max_size=50) | st.just(NOTHING)
PROSE = st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=12), min_size=1, max_size=15).map(" ".join)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    kinds = draw(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), min_size=1, max_size=6))
    columns = tuple(
        Column(f"C{n}", wide=wide, prose=prose, folds=folds) for n, (wide, prose, folds) in enumerate(kinds)
    )
    row = st.tuples(*(PROSE if column.prose else NAMES for column in columns))
    return Table(columns, tuple(draw(st.lists(row, min_size=1, max_size=4))))


def words(text: str) -> list[str]:
    return text.split()


@given(table=tables(), width=st.integers(40, 140))
def test_nothing_is_broken_or_lost_and_what_can_fit_fits(table: Table, width: int) -> None:
    laid = lay_out(table, width, wide=False)
    for row, lines in zip(table.rows, laid.rows, strict=True):
        shown = [word for line in lines for cell in line for word in words(cell.text)]
        for place, cell in enumerate(row):
            if table.columns[place].wide or cell == NOTHING:
                continue
            assert all(word in shown for word in words(cell)), (cell, lines)
            assert table.columns[place].prose or cell in shown
        if len(laid.header) > 1:  # more than one column beside another: only where they fit
            longest = max(sum(len(cell.text) for cell in line) + 2 * (len(line) - 1) for line in lines if len(line) > 1)
            assert longest <= width


@given(table=tables(), width=st.integers(40, 140))
def test_wide_folds_every_column_as_the_table_does(table: Table, width: int) -> None:
    laid = lay_out(table, width, wide=True)
    shown = [[word for line in lines for cell in line for word in words(cell.text)] for lines in laid.rows]
    for row, shown_words in zip(table.rows, shown, strict=True):
        assert all(word in shown_words for cell in row if cell != NOTHING for word in words(cell))
    assert len(laid.header) == 1 or laid.width <= width


def test_a_column_that_holds_nothing_is_left_out() -> None:
    table = Table((Column("A"), Column("B"), Column("C")), (("a", NOTHING, "c"), ("b", "", "d")))
    assert [cell.text for cell in lay_out(table, 80, wide=False).header] == ["A", "C"]


def test_a_value_that_tells_nothing_is_as_an_empty_cell() -> None:
    columns = (Column("A"), Column("COUNT", nothing="0", folds=1))
    none = lay_out(Table(columns, (("a", "0"), ("b", "0"))), 80, wide=False)
    assert [cell.text for cell in none.header] == ["A"]
    narrow = lay_out(Table(columns, (("a" * 38, "0"), ("b" * 38, "3"))), 40, wide=False)
    assert [[cell.text.strip() for line in row for cell in line] for row in narrow.rows] == [
        ["a" * 38],
        ["b" * 38, "count  3"],
    ]
    some = lay_out(Table(columns, (("a", "0"), ("b", "3"))), 80, wide=False)
    assert [cell.text.strip() for cell in some.rows[0][0]] == ["a", "0"]


def test_the_least_needed_goes_below_and_comes_back_where_there_is_room() -> None:
    columns = (Column("NAME"), Column("TARGET", folds=1), Column("AGE", folds=2))
    laid = lay_out(Table(columns, (("orders", "x" * 60, "1h"),)), 60, wide=False)
    assert [cell.text for cell in laid.header] == ["NAME  ", "AGE"]
    assert [[cell.text for cell in line] for line in laid.rows[0]] == [["orders", "1h "], ["  target  " + "x" * 60]]


def test_prose_is_wrapped_at_words() -> None:
    columns = (Column("NODE"), Column("WHY", prose=True))
    laid = lay_out(Table(columns, (("node-1", "one two three four five six seven eight nine"),)), 40, wide=False)
    lines = [[cell.text.strip() for cell in line] for line in laid.rows[0]]
    assert lines == [["node-1", "one two three four five six"], ["", "seven eight nine"]]
    assert LEAST_PROSE < 40


@given(st.lists(NAMES | PROSE, min_size=1, max_size=5).map("\n".join), st.integers(40, 100))
def test_sentences_are_wrapped_and_every_word_is_whole(text: str, width: int) -> None:
    wrapped = wrap_line(text, width)
    assert wrapped.split() == text.split()
    assert all(len(line) <= width or len(line.split()) == 1 for line in wrapped.split("\n"))


def test_further_lines_stand_below_the_first_and_documents_stay_as_they_are() -> None:
    assert wrap_line("  note: " + "word " * 10 + "end", 40) == (
        "  note: word word word word word word\n    word word word word end"
    )
    document = '      "arn:aws:dynamodb:us-west-2:111122223333:table/orders and more of it",'
    assert wrap_line(document, 40) == document
    changed = '+     "Resource": "arn:aws:dynamodb:us-west-2:111122223333:table/orders and more of it"'
    assert wrap_line(changed, 40) == changed


@settings(max_examples=examples(20))
@given(st.recursive(st.text(max_size=30), lambda inner: st.dictionaries(st.text(max_size=30), inner), max_leaves=12))
def test_json_is_broken_behind_a_colon_and_stays_json(value: object) -> None:
    text = json.dumps(value, indent=2)
    assert json.loads("\n".join(wrap_line(line, 40) for line in text.splitlines())) == value
    sentence = "podid associate payments/billing-worker --role billing-worker --cluster demo"
    assert wrap_line(sentence, 40) == sentence


def test_a_command_goes_on_after_a_backslash_and_a_flag_stays_beside_its_value() -> None:
    command = "  fix: podid associate payments/billing-worker --role billing-worker --cluster demo"
    assert wrap_line(command, 46) == (
        "  fix: podid associate \\\n    payments/billing-worker \\\n    --role billing-worker --cluster demo"
    )


@given(st.lists(st.text("ab -'\"\\$", min_size=1, max_size=12), min_size=1, max_size=8), st.integers(20, 60))
def test_a_wrapped_command_is_the_same_to_a_shell(words: list[str], width: int) -> None:
    command = ["podid", *words]
    wrapped = wrap_line(f"  fix: {shlex.join(command)}", width)
    assert shlex.split(wrapped.replace("\\\n", " ").removeprefix("  fix: ")) == command


def test_prose_below_its_row_is_wrapped_too() -> None:
    columns = (Column("NODE"), Column("WHY", prose=True))
    laid = lay_out(Table(columns, (("node-" + "x" * 40, "one two three " * 6),)), 50, wide=False)
    assert all(len(cell.text) <= 50 for line in laid.rows[0] for cell in line)
    assert len(laid.rows[0]) > 2


def test_a_list_of_names_below_its_row_is_wrapped_between_them() -> None:
    columns = (Column("NODE"), Column("NEEDED BY", folds=1))
    names = "broken/target-role-trust-broken, broken/trust-missing-tag-session"
    laid = lay_out(Table(columns, (("node-" + "x" * 40, names),)), 60, wide=False)
    assert [line[0].text.strip() for line in laid.rows[0][1:]] == [
        "needed by  broken/target-role-trust-broken,",
        "broken/trust-missing-tag-session",
    ]


def test_a_command_with_a_name_that_is_wider_than_its_column_goes_below() -> None:
    columns = (Column("RUN"), Column("STARTED"), Column("COMMAND", prose=True))
    role = "a-role-with-a-rather-long-name-for-external-dns"
    row = ("e96ea2", "24s ago", f"podid associate shop/cart --role {role}")
    laid = lay_out(Table(columns, (row,)), 60, wide=False)
    assert [cell.text for cell in laid.header] == ["RUN   ", "STARTED"]
    assert [line[0].text.strip() for line in laid.rows[0][1:]] == [
        "command  podid associate shop/cart \\",
        f"--role {role}",
    ]


def test_commands_of_pages_are_pasted_as_they_were_meant() -> None:
    """On a narrow terminal, too, a shell takes what is drawn for the same words."""
    count = 0
    for entry in ENTRIES:
        page = explain(entry.id)
        drawn = re.sub(r" \\\n +", " ", draw(explanation_view(page), Screen(50), wide=False)).splitlines()
        shown = {tuple(line.split()) for line in drawn}
        for address in re.findall(r"\((https://\S+)\)|<(https://\S+)>", page.matches[0].entry.body):
            assert ("".join(address),) in shown, (entry.id, address)
        for block in re.findall(r"```sh\n(.*?)```", page.matches[0].entry.body, re.DOTALL):
            for command in block.splitlines():
                count += 1
                assert tuple(command.split()) in shown, (entry.id, command)
    assert count
