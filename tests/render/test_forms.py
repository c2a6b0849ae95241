"""An association as Terraform; values, names and blocks of Terraform configuration."""

import json
import re

import pytest

from harness import table
from podid.render.forms import Resource, block, hcl, import_block, labels
from worlds import Site


def test_an_association_as_terraform(site: Site) -> None:
    site.must("associate", "shop/orders", "--role", "storefront", "--tag", "team=shop", "--wait", "api")
    printed = ("--print", "terraform")
    printed_text = site.must("associate", "shop/orders", "--no-session-tags", *printed).stdout
    assert printed_text.splitlines() == [
        'resource "aws_eks_pod_identity_association" "shop_orders" {',
        '  cluster_name         = "demo"',
        '  namespace            = "shop"',
        '  service_account      = "orders"',
        '  role_arn             = "arn:aws:iam::111122223333:role/storefront"',
        "  disable_session_tags = true",
        "  tags = {",
        '    "team" : "shop"',
        "  }",
        "}",
    ]
    with_role = site.must("associate", "shop/pay", "--create-role", "--role", "pay", *printed).stdout
    assert "role_arn        = aws_iam_role.pay.arn" in with_role
    alike = ("shop/front-end", "shop-front/end")
    text = site.must("associate", *alike, "--role", "storefront", *printed).stdout
    assert [line.split('"')[3] for line in text.splitlines() if line.startswith("resource")] == [
        "shop_front_end",
        "shop_front_end_2",
    ]
    assert "managed-by" not in with_role
    assert [item["serviceAccount"] for item in site.must("list", "-o", "json").json["items"]] == ["orders"]
    assert site("associate", "shop/pay", "--role", "r", "--print", "yaml").code == 2
    narrow = site.must("associate", "shop/pay", "--role", "article-2023", "--update-trust", *printed)
    assert narrow.stderr.endswith("allow them too: podid trust add --role article-2023 --for shop/pay\n")


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
    several_lines = {"a": "1", "longer": "[\n  ]", "b": "2", "long": "3"}
    assert block("x", several_lines) == "x {\n  a = 1\n  longer = [\n  ]\n  b    = 2\n  long = 3\n}\n"


def test_a_resource_is_imported_by_its_address() -> None:
    resource = Resource("aws_iam_role", "a", {"name": hcl("a")}, "a")
    assert resource.text == 'resource "aws_iam_role" "a" {\n  name = "a"\n}\n'
    assert import_block(resource.address, "a/${b}") == 'import {\n  to = aws_iam_role.a\n  id = "a/$${b}"\n}\n'
