"""`podid associate -f`: the associations of a file."""

from worlds import Site


def test_the_file_of_a_list(account: Site) -> None:
    account.must("associate", "shop/orders", "shop/cart", "--role", "storefront", "--wait", "none")
    path = account.directory / "associations.json"
    path.write_text(account.must("list", "-o", "json").stdout)
    assert "unchanged" in account.must("associate", "-f", str(path), "--wait", "none").stdout
