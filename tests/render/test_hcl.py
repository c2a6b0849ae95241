"""Values, names and blocks of Terraform configuration."""

import json
import re

import pytest

from harness import table
from podid.render.hcl import Resource, block, hcl, import_block, labels

hcl2 = pytest.importorskip("hcl2")


@pytest.mark.parametrize("text", ["\u2028", "a\tb", "\U0001f600", "\U000e0001", "##[error]", "$${x}", "%%{x}", '"\\'])
def test_any_text_is_one_that_terraform_reads(text: str) -> None:
    written = hcl(text)
    assert "\n" not in written
    assert "##" not in written
    whole = hcl2.loads(f"x = {written}\n")
    escaped = written[1:-1].replace("$${", "${").replace("%%{", "%{")
    assert re.sub(r"\\U000([0-9a-f]{5})", lambda m: chr(int(m[1], 16)), json_text(escaped)) == text
    assert "x" in whole


def json_text(body: str) -> str:
    """HCL has JSON's escapes, and one more for what JSON writes as a pair."""
    return str(json.loads(f'"{body}"')) if "\\U" not in body else body


@table(
    ("texts", "expected"),
    [
        (["shop-orders", "a.b"], ["shop_orders", "a_b"]),
        (["1st", "_x", ""], ["_1st", "__x", "_"]),
        (["a-b", "a.b", "a_b"], ["a_b", "a_b_2", "a_b_3"]),
    ],
)
def test_labels_are_distinct_names(texts: list[str], expected: list[str]) -> None:
    assert labels(texts) == expected


def test_a_block_aligns_its_arguments() -> None:
    assert block("x", {"a": "1", "long": "2"}) == "x {\n  a    = 1\n  long = 2\n}\n"
    assert block("x", {"a": "1", "long": "2"}, aligned=False) == "x {\n  a = 1\n  long = 2\n}\n"


def test_a_resource_is_imported_by_its_address() -> None:
    resource = Resource("aws_iam_role", "a", {"name": hcl("a")}, "a")
    assert resource.text == 'resource "aws_iam_role" "a" {\n  name = "a"\n}\n'
    assert import_block(resource.address, "a/${b}") == 'import {\n  to = aws_iam_role.a\n  id = "a/$${b}"\n}\n'
