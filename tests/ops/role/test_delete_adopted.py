"""A role that podid created and that a declaration of another user adopted later is not deleted with an association."""

import pytest

from worlds import Site


@pytest.fixture
def adopted(site: Site) -> Site:
    site.must("associate", "shop/cart", "--create-role", "--role", "shop-cart", "--wait", "none")
    site.aws("iam").tag_role(RoleName="shop-cart", Tags=[{"Key": "podid:owner", "Value": "shop"}])
    return site


def test_a_role_that_a_declaration_adopted_is_not_deleted(adopted: Site) -> None:
    said = "Declaration shop adopted role shop-cart after podid created it"
    for line in ("disassociate shop/cart --delete-role --yes --wait none", "undo last --yes"):
        refused = adopted(*line.split())
        assert refused.code == 6, (line, refused)
        assert said in refused.stderr or line.startswith("undo"), (line, refused)
    adopted.must("disassociate", "shop/cart", "--yes", "--wait", "none")
    assert said in adopted("role", "delete", "shop-cart", "--yes").stderr
    adopted.must("decommission", "--cluster", "demo", "--yes")
    assert adopted.aws("iam").get_role(RoleName="shop-cart")
    adopted.must("role", "delete", "shop-cart", "--yes", "--adopt")


def test_a_tag_that_may_be_the_mark_of_a_file_is_a_note(adopted: Site) -> None:
    """The key of a file's mark is in the file only."""
    iam, said = adopted.aws("iam"), "role shop-cart got tags after podid created it, perhaps from its owner: team=shop"
    iam.untag_role(RoleName="shop-cart", TagKeys=["podid:owner"])
    line = ("disassociate", "shop/cart", "--delete-role", "--dry-run")
    assert "got tags" not in adopted.must(*line).stdout
    iam.tag_role(RoleName="shop-cart", Tags=[{"Key": "team", "Value": "shop"}])
    assert said in adopted.must(*line).stdout
    adopted.must("disassociate", "shop/cart", "--yes", "--wait", "none")
    assert said in adopted.must("role", "delete", "shop-cart", "--dry-run").stdout


def test_a_role_without_the_mark_is_deleted(adopted: Site) -> None:
    adopted.aws("iam").untag_role(RoleName="shop-cart", TagKeys=["podid:owner"])
    adopted.must("disassociate", "shop/cart", "--delete-role", "--yes", "--wait", "none")
    assert adopted("role", "show", "shop-cart").code == 5
