"""Writers of formats: no value begins a line or is a command of a CI runner."""

import json

from hypothesis import given

from foreign import FOREIGN, check
from harness import from_yaml, table
from podid.domain.errors import PodidError
from podid.domain.members import API_VERSION
from podid.local.documents import Mistakes, read_documents
from podid.render.errors import error_json, error_text
from podid.render.formats import Format, to_text, to_yaml
from podid.render.screen import Screen
from podid.render.view import Line, Table, View, columns

TEXTS = (Format.TABLE, Format.WIDE, Format.CSV, Format.NAME, Format.YAML)


@table(
    "value",
    [
        *"yn",
        "089111122223",
        "011111122223",
        "1e3",
        "1234e56",
        "1.2.3",
        "0o17",
        "-.5",
        ".5e3",
        "12:30",
        "0:0",
        "1_0",
        "09_",
    ],
)
def test_every_version_of_yaml_reads_text_that_looks_like_a_number_as_text(value: str) -> None:
    (node,) = read_documents(to_yaml({"account": value, value: "a"}), "file", Mistakes())
    assert (node.members["account"].text, node.members[value].text) == (value, "a")


@given(FOREIGN.map("".join))
def test_no_writer_lets_a_value_begin_a_line(value: str) -> None:
    view = View(
        {"apiVersion": API_VERSION, "kind": "Test", "value": value, "tags": {value: value}, "items": [value]},
        (Table(columns("A", "B"), (("x" + value, value),)),),
        ("x" + value,),
    )
    lines = View(view.document, view.tables, view.names, ("x" + value, Line(f"y{value}", "bad")))
    for output in TEXTS:
        check(to_text(view, output))
    check(lines.text)
    for output in (Format.JSON, Format.YAML):
        text = to_text(view, output)
        check(text, leading=True)
        assert (json.loads(text) if output is Format.JSON else from_yaml(text)) == view.document
    error = PodidError(f"x{value}", hint=("podid", value), advice=f"x{value}", subject=value, permission=value)
    check(error_text(error, (), Screen()))
    text = error_json(error, ())
    check(text, leading=True)
    assert json.loads(text)["error"]["message"] == error.message
