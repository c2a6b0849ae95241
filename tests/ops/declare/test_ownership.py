"""Marks of files and of other tools: what a file may change."""

from dataclasses import fields, replace
from typing import Any

import pytest

from harness import table
from ops.change.test_guard_owners import with_custom_resources
from ops.declare.worlds import ARN, LINK, ROLE, Filed, denying
from podid.domain.declaration import Declaration, DeclaredAssociation
from podid.domain.names import ServiceAccountRef
from podid.domain.owners import owner_of
from podid.ops.declare.accounts import DeclaredAccount, DeclaredAccounts
from podid.ops.declare.ownership import Mark, decide, outdated
from podid.ops.declare.request import Ownership
from podid.sandbox.baseline import add_association, add_cluster
from render.export.samples import association
from worlds import Site


def test_a_tag_that_no_file_has_set_stays(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    filed.site.aws("iam").tag_role(RoleName="web", Tags=[{"Key": "cost", "Value": "1"}])
    filed.write(roles=[{**ROLE, "tags": {}}], associations=[LINK])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    assert role["tags"] == {"managed-by": "podid", "podid:owner": "shop", "cost": "1"}


def test_another_file_keeps_its_association(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    other = filed.site.directory / "other.yaml"
    filed.write(name="other", path=other, associations=[{**LINK, "role": f"{ARN}web"}])
    assert filed("plan", path=other).code == 0  # equal: noted
    assert "belongs to shop" in filed("plan", path=other).stdout
    filed.write(name="other", path=other, associations=[{**LINK, "role": "storefront"}])
    for words in ((), ("--adopt",), ("--take-over",)):
        outcome = filed("apply", *words, path=other)
        assert outcome.code == 6, outcome
        assert "belongs to shop" in outcome.stderr
    assert filed.associations()["shop/web"]["role"] == f"{ARN}web"


def test_a_custom_resource_without_tags_is_an_owner(healthy: Site) -> None:
    """The plan finds the conflict that apply would find."""
    with_custom_resources(healthy)
    filed = Filed(healthy)
    account = "shop/orders"
    live = filed.associations()[account]
    filed.write(associations=[{"serviceAccount": account, "role": live["role"], "tags": {"team": "a"}}])
    (conflict,) = filed.plan("--adopt", code=6)["conflicts"]
    assert (conflict["target"], conflict["owner"]) == (account, "AWS Controllers for Kubernetes shop/orders")
    filed.plan("--take-over", code=3)
    filed.apply("--take-over")
    tags = filed.associations()[account]["tags"]
    assert "podid:owner" not in tags, tags
    assert tags["team"] == "a"
    filed.write(associations=[{"serviceAccount": account, "role": live["role"], "tags": {"team": "a"}}])
    assert filed.plan()["unchanged"] == 1


@pytest.mark.parametrize(
    ("tags", "tool"),
    [
        ({"crossplane-name": "web"}, "Crossplane"),
        ({"services.k8s.aws/controller-version": "1"}, "AWS Controllers for Kubernetes"),
        ({"ManagedBy": "Terraform"}, "Terraform"),
    ],
)
def test_an_association_of_another_tool_requires_take_over(filed: Filed, tags: dict[str, str], tool: str) -> None:
    filed.site.aws("eks").create_pod_identity_association(
        clusterName="demo", namespace="shop", serviceAccount="web", roleArn=f"{ARN}storefront", tags=tags
    )
    filed.write(associations=[{"serviceAccount": "shop/web", "role": "storefront"}])
    assert tool in filed("plan").stdout
    assert filed("plan", "--adopt").code == 0
    filed.write(associations=[{"serviceAccount": "shop/web", "role": "storefront", "sessionTags": False}])
    outcome = filed.apply("--adopt", code=6)
    assert "--take-over" in outcome.stderr
    assert filed.plan(code=6)["conflicts"][0]["owner"].startswith(tool)
    outcome = filed.apply("--take-over")
    assert "revert" in outcome.stderr
    marked = {"podid:owner": "shop"} if tool == "Terraform" else {}
    assert filed.associations()["shop/web"]["tags"] == {**tags, **marked}


def test_the_key_of_the_mark_can_be_chosen(filed: Filed) -> None:
    filed.write(owner={"key": "team:file"}, roles=[ROLE], associations=[LINK])
    filed.apply()
    assert filed.associations()["shop/web"]["tags"] == {"team:file": "shop", "team": "a"}
    filed.settled()


# --- the decision -----------------------------------------------------------------------------------------------------

OURS, OTHER = Mark(file="shop", ours=True), Mark(file="other")
TERRAFORM = Mark(tool=owner_of({"ManagedBy": "Terraform"}))
ACK = Mark(tool=owner_of({"services.k8s.aws/controller-version": "1"}))


@table(
    ("mark", "options", "differs", "treatment"),
    [
        (OURS, Ownership(), True, "change mark"),
        (OURS, Ownership(), False, "mark"),
        (Mark(), Ownership(), False, "taken"),
        (Mark(), Ownership(), True, "conflict"),
        (Mark(), Ownership(adopt=True), True, "change mark taken"),
        (Mark(), Ownership(adopt=True), False, "mark taken"),
        (OTHER, Ownership(adopt=True, take_over=True), True, "conflict"),
        (OTHER, Ownership(adopt=True, take_over=True), False, "note"),
        (TERRAFORM, Ownership(adopt=True), True, "conflict"),
        (TERRAFORM, Ownership(take_over=True), True, "change mark taken note"),
        (TERRAFORM, Ownership(take_over=True), False, "mark taken note"),
        (ACK, Ownership(take_over=True), True, "change taken note"),  # its controller removes the tags of others
        (replace(OURS, tool=TERRAFORM.tool), Ownership(), True, "conflict"),
    ],
)
def test_the_treatment_of_a_resource(mark: Mark, options: Ownership, differs: bool, treatment: str) -> None:
    decision = decide("role web", mark, options, ("a line",) if differs else ())
    assert [item.name for item in fields(decision) if getattr(decision, item.name)] == treatment.split()


def test_prune_deletes_only_resources_with_the_mark(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK, {**LINK, "serviceAccount": "shop/api"}])
    filed.apply()
    filed.site.associate("shop", "cart", "storefront")
    eks = filed.site.aws("eks")
    created = eks.create_pod_identity_association(
        clusterName="demo",
        namespace="shop",
        serviceAccount="tool",
        roleArn=f"{ARN}storefront",
        tags={"podid:owner": "shop", "crossplane-name": "x"},
    )
    filed.write()
    document = filed.plan("--prune", code=3)
    assert [item["target"] for item in document["pruned"]] == ["shop/api", "shop/web", "web/read", "web"]
    assert {item["serviceAccount"]: item["owner"] for item in document["onlyInCluster"]} == {
        "cart": None,
        "tool": "shop",
    }
    outcome = filed.apply("--prune", code=2)
    assert "requires confirmation" in outcome.stderr
    assert filed.plan()["pruned"] == []
    filed.apply("--prune", "--yes")
    assert set(filed.associations()) == {"shop/cart", "shop/tool"}
    assert filed.role("web") is None
    filed.site.must("undo", "last", "--yes", "--wait", "none")
    assert {"shop/web", "shop/api"} <= set(filed.associations())
    assert created["association"]["serviceAccount"] == "tool"


def test_a_role_in_use_elsewhere_is_not_pruned(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    add_cluster(filed.site.box.world, "blue")
    add_association(filed.site.box.world, "shop", "web", "web", cluster_name="blue")
    filed.write()
    outcome = filed.apply("--prune", "--yes")
    assert "role web is kept" in outcome.stderr + outcome.stdout
    assert filed.role("web") is not None
    assert filed.associations() == {}


def test_a_role_of_a_new_association_is_not_pruned(filed: Filed) -> None:
    filed.write(roles=[{**ROLE, "scope": "namespace"}], associations=[LINK])
    filed.apply()
    filed.write(associations=[{"serviceAccount": "shop/new", "role": "web"}])
    outcome = filed.apply("--prune", "--yes")
    assert "role web is kept: the new association of shop/new uses it" in outcome.stderr
    assert (list(filed.associations()), filed.role("web") is None) == (["shop/new"], False)


def test_a_role_that_an_unread_cluster_may_use_is_not_pruned(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    add_cluster(filed.site.box.world, "blue")
    add_association(filed.site.box.world, "shop", "web", "web", cluster_name="blue")
    filed.write()
    env = denying(filed, "eks:ListPodIdentityAssociations", "arn:aws:eks:*:*:cluster/blue")
    options = ("--apply", "--prune", "--yes", "--once")
    outcome = filed.site("reconcile", "-f", str(filed.path), *options, env=env)
    unread = "the users of role web could not be read: associations of cluster blue in us-west-2"
    assert (outcome.code, unread in outcome.stdout) == (9, True), outcome
    assert (list(filed.associations()), filed.role("web") is None) == (["shop/web"], False)


def test_roles_are_pruned_after_the_associations_of_all_clusters(filed: Filed) -> None:
    add_cluster(filed.site.box.world, "blue")
    filed.write(clusters=["demo", "blue"], roles=[ROLE], associations=[LINK])
    assert filed("apply", "--wait", "none").code == 0
    filed.write(clusters=["demo", "blue"])
    outcome = filed("apply", "--prune", "--yes", "--wait", "none")
    assert outcome.code == 0, outcome
    assert (filed.associations("demo"), filed.associations("blue"), filed.role("web")) == ({}, {}, None)


# --- outdated associations --------------------------------------------------------------------------------------------

SHOP, WEB = Declaration(name="shop"), ServiceAccountRef("shop", "web")
ITEM = DeclaredAssociation(namespace="shop", name="web", role="web")
OWNED = {"podid:owner": "shop"}
ADDON = "arn:aws:eks:us-west-2:111122223333:addon/demo/aws-ebs-csi-driver/1"


@table(
    ("settings", "declared", "expected"),
    [
        ({"tags": OWNED}, DeclaredAccounts(), True),
        ({"tags": {}}, DeclaredAccounts(), False),
        ({"tags": {"podid:owner": "other"}}, DeclaredAccounts(), False),
        ({"tags": {**OWNED, "crossplane-name": "x"}}, DeclaredAccounts(), False),  # another tool marks it too
        ({"tags": OWNED, "owner_arn": ADDON}, DeclaredAccounts(), False),
        ({"tags": OWNED}, DeclaredAccounts(open={"shop"}), False),  # a pattern could not be expanded
        ({"tags": OWNED}, DeclaredAccounts({WEB: DeclaredAccount(SHOP, ITEM, WEB)}), False),
    ],
)
def test_an_association_with_the_mark_that_is_not_declared_is_outdated(
    settings: dict[str, Any], declared: DeclaredAccounts, expected: bool
) -> None:
    live = {WEB: association("shop/web", f"{ARN}web", 1, **settings)}
    assert outdated((SHOP,), declared, live) == (live if expected else {})
