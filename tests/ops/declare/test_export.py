"""Live identities, and the declaration that describes them."""

import json
from pathlib import Path

import pytest

from ops.declare.worlds import POLICY, associated
from podid.aws.iam import Iam
from podid.domain.declaration import Declaration
from podid.domain.errors import AccessDenied
from podid.domain.trust import ScopeKind
from podid.ops.declare.export import own_tags
from podid.ops.declare.files import read_declarations
from podid.sandbox.baseline import add_association
from worlds import ACCOUNT, Site


@pytest.fixture
def shop(account: Site) -> Site:
    return associated(account)


def read(text: str, tmp_path: Path) -> Declaration:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    (declaration,) = read_declarations((str(path),), {}, read_file=lambda name: Path(name).read_text())
    return declaration


def test_the_own_file_is_read_back_as_the_live_identities(shop: Site, tmp_path: Path) -> None:
    outcome = shop("export")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("# yaml-language-server: $schema=https://")
    declaration = read(outcome.stdout, tmp_path)
    assert (declaration.name, [cluster.name for cluster in declaration.clusters]) == ("demo", ["demo"])
    orders, storefront = declaration.roles
    assert (orders.name, orders.scope, orders.subjects, orders.trust) == ("orders", ScopeKind.SERVICE_ACCOUNT, (), None)
    assert [getattr(policy, "document", None) for policy in orders.policies] == [POLICY]
    assert orders.tags == {}
    assert storefront.name == "storefront"
    cart, association = declaration.associations
    assert (cart.role, cart.session_tags, json.loads(cart.session_policy)) == ("storefront", False, POLICY)
    assert (association.role, association.tags) == ("orders", {"no": "0123"})


def test_a_part_is_exported_with_the_roles_that_it_uses(shop: Site, tmp_path: Path) -> None:
    for selection in (("shop/orders",), ("-n", "shop", "shop/orders")[:2], ("-n", "sh?p"), ("-A",)):
        declaration = read(shop("export", *selection).stdout, tmp_path)
        named = {item.service_account for item in declaration.associations}
        assert named == ({"shop/orders"} if selection == ("shop/orders",) else {"shop/orders", "shop/cart"})
    only = read(shop("export", "--roles").stdout, tmp_path)
    assert ([role.name for role in only.roles], only.associations) == (["orders"], ())
    both = read(shop("export", "shop/cart", "--roles").stdout, tmp_path)
    assert [role.name for role in both.roles] == ["orders", "storefront"]


def test_a_trust_policy_that_podid_would_not_write_is_kept_as_it_is(shop: Site, tmp_path: Path) -> None:
    trust = shop.aws("iam").get_role(RoleName="orders")["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"].append({**trust["Statement"][0], "Sid": "More", "Principal": {"Service": "ec2.amazonaws.com"}})
    shop.trust("orders", trust)
    (role,) = read(shop("export", "shop/orders").stdout, tmp_path).roles
    assert role.trust == trust


def test_subjects_are_those_of_the_trust_policy(shop: Site, tmp_path: Path) -> None:
    shop.must("trust", "add", "--role", "orders", "--for", "shop/later")
    (role,) = read(shop("export", "shop/orders").stdout, tmp_path).roles
    assert (role.scope, sorted(map(str, role.subjects))) == (ScopeKind.SERVICE_ACCOUNT, ["shop/later", "shop/orders"])


def test_a_role_whose_policies_cannot_be_read_is_not_exported_without_them(
    shop: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    denied = AccessDenied("You are not authorized to perform iam:GetRolePolicy", permission="iam:GetRolePolicy")

    def refuse(self: Iam, name: str, policy_name: str) -> None:
        raise denied

    monkeypatch.setattr(Iam, "find_inline_policy", refuse)
    outcome = shop("export")
    assert outcome.code == 8
    assert "note: not read: policies of role orders: requires iam:GetRolePolicy\n" in outcome.stderr
    declaration = read(outcome.stdout, tmp_path)
    assert [role.name for role in declaration.roles] == ["storefront"]
    assert declaration.associations[1].role == f"arn:aws:iam::{ACCOUNT}:role/orders"


def test_a_tag_is_a_mark_of_podid_only_with_its_value() -> None:
    tags = {"podid:owner": "shop", "managed-by": "podid", "aws:x": "y", "team": "a"}
    assert own_tags(tags) == {"team": "a"}
    assert own_tags({**tags, "managed-by": "terraform"}) == {"managed-by": "terraform", "team": "a"}


def test_many_associations_cost_no_more_than_a_list(account: Site) -> None:
    for number in range(120):
        add_association(account.box.world, "shop", f"sa-{number}", "storefront")
    outcome = account("export", "-v")
    calls = [line.split()[0] for line in outcome.stderr.splitlines() if line.startswith(("  eks:", "  iam:"))]
    assert outcome.code == 0
    assert calls.count("eks:DescribePodIdentityAssociation") == 120
    assert calls.count("eks:ListPodIdentityAssociations") == 2
    assert calls.count("iam:GetRole") == 1
    assert len(calls) < 130
