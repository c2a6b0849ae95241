"""The view of validated files."""

from podid.ops.declare.files import ValidatedFile, ValidatedFiles
from podid.render.fileplan import validation_view
from render.shown import texts

FILES = ValidatedFiles(
    (
        ValidatedFile(file="a.yaml", declarations=("shop", "web"), mistakes=()),
        ValidatedFile(file="b.yaml", declarations=(), mistakes=("b.yaml:1:2: x", "b.yaml:3:4: y")),
        ValidatedFile(file="c.yaml", declarations=(), mistakes=()),
    )
)


def test_each_mistake_and_each_valid_file_has_a_line_and_a_row() -> None:
    view = validation_view(FILES)
    assert texts(view.lines) == [
        "✓ a.yaml  2 declarations: shop, web",
        "✗ b.yaml:1:2: x",
        "✗ b.yaml:3:4: y",
        "✓ c.yaml  a guard",
    ]
    assert view.tables[0].rows == (
        ("a.yaml", "valid", "2 declarations: shop, web"),
        ("b.yaml", "mistake", "b.yaml:1:2: x"),
        ("b.yaml", "mistake", "b.yaml:3:4: y"),
        ("c.yaml", "valid", "a guard"),
    )
    assert view.names == ("b.yaml",)
