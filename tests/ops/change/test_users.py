"""Users of roles, trust policies, OIDC providers, service accounts and the agent; what cannot be read is no answer."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness import table
from ops.shop import Shop
from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.errors import AccessDenied, Conflict, CredentialsError, PodidError, Unavailable
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Verb
from podid.domain.section import Unread
from podid.ops.change.kinds import ASSOCIATION, ROLE_TRUST
from podid.ops.change.users import (
    check_unused,
    last_use,
    read_part,
    users_losing_trust,
    users_of_account,
    users_of_agent,
    users_of_provider,
    users_of_role,
    uses_after,
)
from podid.ops.clients import Clients, KubeAccess, Site
from podid.ops.role.uses import Uses
from podid.sandbox.baseline import add_association, add_cluster, add_role
from worlds import ACCOUNT, ORDERS, trust_for

STOREFRONT = f"arn:aws:iam::{ACCOUNT}:role/storefront"
POD_IDENTITY = {
    "Effect": "Allow",
    "Principal": {"Service": "pods.eks.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession"],
}


def site_of(shop: Shop, uses: Uses | None = None) -> Site:
    site = Site(shop.clients, shop.place.header)
    return site if uses is None else site.with_uses(uses)


def policy(*statements: Any) -> trust.Policy:
    return trust.parse_policy({"Version": "2012-10-17", "Statement": list(statements)})


def role_of(shop: Shop, name: str) -> Role:
    role = shop.clients.iam.find_role(name)
    assert role is not None
    return role


def unassociated(ref: ServiceAccountRef, role_arn: str = STOREFRONT) -> Action:
    return ASSOCIATION.action({"namespace": ref.namespace, "serviceAccount": ref.name, "roleArn": role_arn}, None)


@table(
    ("error", "raised"), [(AccessDenied("denied"), False), (Unavailable("500"), False), (CredentialsError("x"), True)]
)
def test_a_failed_read_is_a_part_that_was_not_read(error: PodidError, raised: bool) -> None:
    def read() -> None:
        raise error

    if raised:
        with pytest.raises(CredentialsError):
            read_part("pods", read)
        return
    assert read_part("pods", read) == Unread.of("pods", error)


def test_users_of_a_role_are_associations_of_every_cluster(shop: Shop) -> None:
    add_cluster(shop.box.world, "blue")
    add_association(shop.box.world, "shop", "zoo", "storefront", cluster_name="blue")
    before = users_of_role(site_of(shop), "storefront", ())
    assert [name.split(" in ")[0] for name in before.users] == ["shop/zoo", str(ORDERS)]
    after = users_of_role(site_of(shop), "storefront", [unassociated(ORDERS)])
    assert [name.split(" in ")[0] for name in after.users] == ["shop/zoo"]
    assert users_of_role(site_of(shop), "nosuch", ()).users == ()


def test_unread_clusters_of_a_role_remain_unread(shop: Shop) -> None:
    gap = Unread("clusters in eu-west-1", "denied", "eks:ListClusters")
    assert users_of_role(site_of(shop, Uses(unread=(gap,))), "storefront", ()).gaps == (gap,)


def test_users_that_lose_a_trust_policy(shop: Shop) -> None:
    role = role_of(shop, "storefront")
    whole = trust.parse_policy(trust_for(ORDERS))
    lost = users_losing_trust(site_of(shop), role, whole, policy(), ())
    assert [name.split(" in ")[0] for name in lost.users] == [str(ORDERS)]
    assert users_losing_trust(site_of(shop), role, policy(), whole, ()).users == ()
    assert users_losing_trust(site_of(shop), None, whole, policy(), ()).users == ()


def test_another_principal_is_a_user_itself(shop: Shop) -> None:
    role = role_of(shop, "storefront")
    machine = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    foreign = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:role/ci"}, "Action": "sts:AssumeRole"}
    lost = users_losing_trust(site_of(shop), role, policy(machine, foreign), policy(), ())
    assert lost.users == (
        "ec2.amazonaws.com (role storefront)",
        "arn:aws:iam::999999999999:role/ci (role storefront)",
    )


def test_the_pods_of_a_base_role_are_the_users_of_its_statement(shop: Shop) -> None:
    """A base role of pods is no user itself: its associations with this target role are."""
    world = shop.box.world
    add_role(world, shop.box.iam, "target", policy().to_document())
    target, base = role_of(shop, "target"), role_of(shop, "storefront")
    allows = {"Effect": "Allow", "Principal": {"AWS": base.arn}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    assert users_losing_trust(site_of(shop), target, policy(allows), policy(), ()).users == ()
    own = Association(
        cluster_name="demo",
        namespace="shop",
        service_account="far",
        association_id="a-1",
        association_arn=f"arn:aws:eks:us-west-2:{ACCOUNT}:podidentityassociation/demo/a-1",
        role_arn=base.arn,
        target_role_arn=target.arn,
    )
    uses = Uses({f"arn:aws:eks:us-west-2:{ACCOUNT}:cluster/demo": (own,)})
    lost = users_losing_trust(site_of(shop, uses), target, policy(allows), policy(), ())
    assert [name.split(" in ")[0] for name in lost.users] == ["shop/far"]


def test_running_pods_are_users_of_a_service_account_unless_their_template_changes(shop: Shop) -> None:
    running = users_of_account(site_of(shop), ORDERS, ())
    assert isinstance(running, tuple)
    assert running
    template = Action(
        kind="pod-template",
        verb=Verb.UPDATE,
        keys={"kind": "Deployment", "namespace": "shop", "name": "orders"},
        before={},
        after={},
    )
    assert users_of_account(site_of(shop), ORDERS, [template]) == ()
    unread = users_of_account(site_of(shop.without_kubernetes), ORDERS, ())
    assert isinstance(unread, Unread)
    assert unread.decisive


def test_users_of_an_oidc_provider_are_the_roles_that_trust_it(shop: Shop) -> None:
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/ABC"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    add_role(shop.box.world, shop.box.iam, "irsa", policy(statement).to_document())
    assert users_of_provider(site_of(shop), provider, ()).users == ("role irsa",)
    changed = ROLE_TRUST.action({"roleName": "irsa", "trustPolicy": {}}, {"roleName": "irsa", "trustPolicy": {"a": 1}})
    assert users_of_provider(site_of(shop), provider, [changed]).users == ()


def test_users_of_the_agent_are_service_accounts_with_an_association(shop: Shop) -> None:
    assert users_of_agent(site_of(shop)).users == (str(ORDERS),)
    unread = users_of_agent(site_of(shop.without_kubernetes))
    assert [item.what for item in unread.gaps] == ["pods and agents of the cluster"]


def test_a_role_in_use_must_not_be_deleted(shop: Shop) -> None:
    role, uses = role_of(shop, "storefront"), site_of(shop).uses
    with pytest.raises(Conflict, match="an association names it"):
        check_unused(role, uses.of(role.arn), ())
    with pytest.raises(Conflict, match="instance profile nodes"):
        check_unused(role, (), ("nodes",))
    check_unused(role, uses_after(uses, shop.place.header, [unassociated(ORDERS, role.arn)]).of(role.arn), ())


def test_the_last_use_of_a_role(shop: Shop) -> None:
    role = replace(role_of(shop, "storefront"), last_used_at=None)
    assert last_use(role) == "role storefront was never used (IAM keeps 400 days)"
    used = replace(role, last_used_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC), last_used_region="us-west-2")
    assert last_use(used) == "role storefront was last used at 2026-01-02 03:04 UTC in us-west-2"


def test_expired_credentials_end_the_reading(shop: Shop) -> None:
    def connect() -> KubeAccess:
        return KubeAccess(failure=CredentialsError("expired"))

    clients = Clients(cast("Any", SimpleNamespace(eks=shop.clients.eks)), connect)
    with pytest.raises(CredentialsError):
        users_of_account(Site(clients, shop.place.header), ORDERS, ())
