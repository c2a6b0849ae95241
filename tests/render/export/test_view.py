"""All forms of an export, and their schemas (`schemas/`)."""

from pathlib import Path

import pytest

from harness import table
from podid.ops.declare.request import Form
from podid.render.export.parts import comments
from podid.render.export.view import export_text
from render.export import samples
from render.export.published import FOLDER, loaded, problems, published
from render.export.samples import EMPTY, SAMPLE


@table("path", sorted(FOLDER.iterdir()))
def test_a_schema_states_its_source_and_refuses_unknown_members(path: Path) -> None:
    form = path.stem
    assert published(form).keys() == {"sources", "cut", "schemas"}
    for source in published(form)["sources"]:
        assert source.keys() == {"of", "source", "version", "date", "licence"}
        assert all(source.values())
    for name in published(form)["schemas"]:
        assert any("'serviceAcount' was unexpected" in text for text in problems(form, name, {"serviceAcount": "x"}))


@pytest.mark.parametrize("form", ["cloudformation", "eksctl", "ack", "crossplane", "aws-cli"])
def test_notes_are_comments_too(form: Form) -> None:
    written = export_text(form, SAMPLE)
    assert samples.NOTES[0] in written.notes
    for note in written.notes:
        assert comments((f"note: {note}",)) in written.text


@pytest.mark.parametrize("form", ["cloudformation", "eksctl", "ack", "crossplane", "pulumi"])
def test_nothing_to_export_is_still_a_file(form: Form) -> None:
    assert isinstance(loaded(export_text(form, EMPTY).text), list)


@table("form", ["cloudformation", "eksctl", "ack", "crossplane", "pulumi", "aws-cli"])
def test_no_form_has_marks_of_podid_ids_or_commands_of_ci_runners(form: Form) -> None:
    text = export_text(form, SAMPLE).text
    for mark in ("&id001", "*id001", "podid:owner", "managed-by", "aws:a", "AROAX", "##["):
        assert mark not in text
