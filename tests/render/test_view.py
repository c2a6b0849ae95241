"""Parts of views: tables, aligned facts, sentences and ages."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from harness import table
from podid.render.view import Column, Line, Table, View, age, facts, sentence, table_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@table(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86399, "23h"), (86400, "1d"), (-5, "0s")],
)
def test_ages(seconds: int, text: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == text
    assert age(None, NOW) == "-"


@table(
    ("text", "name", "shown"),
    [
        ("it failed", "", "It failed."),
        ("did you mean x?", "", "Did you mean x?"),
        ("orders does not exist", "orders", "orders does not exist."),
        ("podid stopped", "", "podid stopped."),
        ("shop/orders has no role", "", "shop/orders has no role."),
        ("add-on x failed", "", "Add-on x failed."),
    ],
)
def test_sentences(text: str, name: str, shown: str) -> None:
    assert sentence(text, name) == shown


def test_rows_of_a_table() -> None:
    items = [SimpleNamespace(name="a", role=SimpleNamespace(arn="r")), SimpleNamespace(name="b", role=None)]
    drawn = table_of(
        items,
        ("NAME", "name", lambda item: "dim" if item.role is None else ""),
        (Column("ROLE", wide=True), lambda item: item.role and item.role.arn),
        empty="nothing",
        unread=True,
    )
    assert drawn.rows == (("a", "r"), ("b", "-"))
    assert drawn.styles == {(0, 0): "", (1, 0): "dim"}
    assert ([column.title for column in drawn.columns], drawn.columns[1].wide) == (["NAME", "ROLE"], True)
    assert View({}, (table_of([], ("NAME", "name"), empty="no roles", unread=True),)).empty == (
        "no roles (incomplete: not everything could be read)"
    )


def test_aligned_facts() -> None:
    lines = facts((("name", "orders"), ("id", "-"), ("path", "/")), usual=(("path", "/"),))
    assert [(line.text, line.only) for line in lines if isinstance(line, Line)] == [
        ("name  orders", ""),
        ("path  /", "full"),
    ]


def test_text_of_lines() -> None:
    view = View({}, lines=("a\tb", Line("terminal", only="short"), Line("pipe", only="full")))
    assert view.text == "a\\tb\npipe\n"
    assert not View({}, (Table((Column("A"),), ()),)).untitled.tables[0].titled
