"""Marks of files and of other tools: what a file may change."""

from dataclasses import fields, replace

import pytest

from harness import table
from ops.change.test_owners import with_custom_resources
from ops.declare.worlds import ARN, LINK, ROLE, Filed
from podid.domain.owners import owner_of
from podid.ops.declare.ownership import Mark, decide
from podid.ops.declare.request import Ownership
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
