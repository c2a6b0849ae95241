"""An association as Terraform."""

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
        "  tags                 = {",
        '    "team": "shop"',
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
