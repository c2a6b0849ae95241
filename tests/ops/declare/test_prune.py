"""Deletion of resources that a file owns and no longer declares."""

from typing import Any

from harness import table
from ops.declare.worlds import ARN, LINK, ROLE, Filed, denying
from podid.domain.declaration import Declaration, DeclaredAssociation
from podid.domain.names import ServiceAccountRef
from podid.ops.declare.accounts import DeclaredAccount, DeclaredAccounts
from podid.ops.declare.prune import outdated
from podid.sandbox.baseline import add_association, add_cluster
from render.export.samples import association


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
    assert (outcome.code, "associations of cluster blue in us-west-2 could not be read" in outcome.stdout) == (9, True)
    assert "not deleted, because other clusters may use them: roles web" in outcome.stderr
    assert (filed.associations(), filed.role("web") is None) == ({}, False)


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
