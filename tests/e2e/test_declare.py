"""Declarations: planned, applied, saved, pruned; and what belongs to others."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster_api import Json
from harness import Outcome
from ops.change.test_owners import with_custom_resources
from ops.declare.broken import BROKEN, Broken
from permissions_support import limited
from podid.sandbox.baseline import add_association, add_cluster
from worlds import ACCOUNT, CLUSTER_ARN, POLICY, Site, trust_for

pytestmark = pytest.mark.sampled(3)

ARN = f"arn:aws:iam::{ACCOUNT}:role/"
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
ROLE = {"name": "web", "policies": [{"name": "read", "document": READ}], "tags": {"team": "a"}}
LINK = {"serviceAccount": "shop/web", "role": "web", "tags": {"team": "a"}}


class Filed:
    """Podid with a file, `identities.yaml`, and what is live."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.path = site.directory / "identities.yaml"

    def write(self, *, name: str = "shop", path: Path | None = None, **members: Any) -> Path:
        document = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": name}, **members}
        path = path or self.path
        # without aliases, which podid refuses
        path.write_text(yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False))
        return path

    def __call__(self, command: str, *words: str, path: Path | None = None) -> Outcome:
        return self.site(command, "-f", str(path or self.path), *words)

    def plan(self, *words: str, code: int = 0) -> Json:
        outcome = self("plan", *words, "-o", "json")
        assert outcome.code == code, outcome
        document: Json = outcome.json
        return document

    def apply(self, *words: str, code: int = 0) -> Outcome:
        outcome = self("apply", "--wait", "none", *words)
        assert outcome.code == code, outcome
        return outcome

    def settled(self, *words: str) -> None:
        """The plan is empty, and a rerun changes nothing."""
        document = self.plan(*words)
        assert (document["created"], document["changed"], document["pruned"]) == ([], [], []), document
        before = self.state()
        assert "nothing to change" in self.apply(*words, "--yes").stdout
        assert self.state() == before

    # what is live

    def associations(self, cluster: str = "demo") -> dict[str, Json]:
        eks = self.site.aws("eks")
        pages = eks.get_paginator("list_pod_identity_associations").paginate(clusterName=cluster)
        made = {}
        for summary in (item for page in pages for item in page["associations"]):
            item = eks.describe_pod_identity_association(clusterName=cluster, associationId=summary["associationId"])[
                "association"
            ]
            made[f"{item['namespace']}/{item['serviceAccount']}"] = {
                "role": item["roleArn"],
                "target": item.get("targetRoleArn"),
                "untagged": bool(item.get("disableSessionTags")),
                "policy": json.loads(item["policy"]) if item.get("policy") else None,
                "tags": item["tags"],
            }
        return made

    def role(self, name: str) -> Json | None:
        iam = self.site.aws("iam")
        try:
            role = iam.get_role(RoleName=name)["Role"]
        except iam.exceptions.NoSuchEntityException:
            return None
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        return {
            "trust": role["AssumeRolePolicyDocument"],
            "description": role.get("Description", ""),
            "seconds": role["MaxSessionDuration"],
            "boundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "tags": {tag["Key"]: tag["Value"] for tag in role.get("Tags", [])},
            "inline": {key: iam.get_role_policy(RoleName=name, PolicyName=key)["PolicyDocument"] for key in inline},
            "managed": sorted(
                item["PolicyArn"] for item in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            ),
        }

    def roles(self) -> dict[str, Json | None]:
        pages = self.site.aws("iam").get_paginator("list_roles").paginate()
        return {role["RoleName"]: self.role(role["RoleName"]) for page in pages for role in page["Roles"]}

    def state(self) -> Mapping[str, Json]:
        return {"associations": self.associations(), "roles": self.roles()}


@pytest.fixture
def filed(account: Site) -> Filed:
    return Filed(account)


# --- plan and apply ---------------------------------------------------------------------------------------------------


def test_roles_and_associations_are_created_in_one_run(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    document = filed.plan(code=3)
    assert [item["kind"] for item in document["created"]] == ["role", "role-policy", "association"]
    assert (document["files"], document["cluster"], document["unchanged"]) == (["shop"], "demo", 0)
    filed.apply()
    assert filed.associations()["shop/web"] == {
        "role": f"{ARN}web",
        "target": None,
        "untagged": False,
        "policy": None,
        "tags": {"podid:owner": "shop", "team": "a"},
    }
    role = filed.role("web")
    assert role is not None
    assert role["tags"] == {"managed-by": "podid", "podid:owner": "shop", "team": "a"}
    assert role["inline"] == {"read": READ}
    filed.settled()
    assert filed.plan()["unchanged"] == 2


def test_changes_are_listed_field_by_field(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    filed.write(
        roles=[{**ROLE, "maxSessionDuration": "2h", "description": "for web", "tags": {"team": "b"}, "policies": []}],
        associations=[{**LINK, "sessionTags": False, "sessionPolicy": READ, "tags": {"env": "prod"}}],
    )
    changed = {item["kind"]: item for item in filed.plan(code=3)["changed"]}
    fields = {
        kind: {item["field"]: (item["before"], item["after"]) for item in one["fields"]}
        for kind, one in changed.items()
    }
    assert fields["role-settings"] == {
        "description": ("", "for web"),
        "maxSessionDuration": (3600, 7200),
        "tags.team": ("a", "b"),
    }
    assert fields["association"] == {
        "disableSessionTags": (False, True),
        "policy": (None, json.dumps(READ, separators=(",", ":"))),
        "tags.env": (None, "prod"),
        "tags.team": ("a", None),
    }
    assert "role-policy" in changed
    filed.apply()
    role, association = filed.role("web"), filed.associations()["shop/web"]
    assert role is not None
    assert (role["inline"], role["seconds"], role["tags"]["team"]) == ({}, 7200, "b")
    assert (association["untagged"], association["policy"]) == (True, READ)
    assert association["tags"] == {"env": "prod", "podid:owner": "shop"}
    filed.settled()


def test_a_tag_of_somebody_else_stays(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    filed.site.aws("iam").tag_role(RoleName="web", Tags=[{"Key": "cost", "Value": "1"}])
    filed.write(roles=[{**ROLE, "tags": {}}], associations=[LINK])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    assert role["tags"] == {"managed-by": "podid", "podid:owner": "shop", "cost": "1"}


def test_a_service_account_that_left_the_file_leaves_the_trust_policy(filed: Filed) -> None:
    other = {**LINK, "serviceAccount": "shop/api"}
    filed.write(roles=[ROLE], associations=[LINK, other])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    assert len(role["trust"]["Statement"]) == 2
    foreign = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    filed.site.trust("web", {**role["trust"], "Statement": [*role["trust"]["Statement"], foreign]})
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply("--prune", "--yes")
    role = filed.role("web")
    assert role is not None
    accounts = [item.get("Condition", {}).get("StringEquals", {}) for item in role["trust"]["Statement"]]
    assert [item.get("aws:RequestTag/kubernetes-service-account") for item in accounts] == ["web", None]
    filed.settled("--prune")


def test_a_trust_policy_as_it_is(filed: Filed) -> None:
    document = {"Version": "2012-10-17", "Statement": [{**trust_for_web()["Statement"][0], "Sid": "Own"}]}
    filed.write(roles=[{"name": "web", "trust": document}], associations=[LINK])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    assert role["trust"] == document
    filed.settled()


def trust_for_web() -> Json:
    from podid.domain.names import ServiceAccountRef

    return trust_for(ServiceAccountRef("shop", "web"))


@pytest.mark.parametrize("case", list(BROKEN.values())[::6], ids=list(BROKEN)[::6])
def test_a_broken_file_sends_nothing(filed: Filed, case: Broken) -> None:
    filed.path.write_text(case.text)
    filed.site.box.faults.calls.clear()
    for command in ("plan", "apply", "diff"):
        outcome = filed(command, "--var", "TEAM=shop")
        assert (outcome.code, outcome.stdout) == (2, ""), outcome
        assert f"{filed.path}:{case.line}:{case.column}" in outcome.stderr
    assert not filed.site.box.faults.calls


def test_what_a_file_names_and_does_not_exist_has_its_line(filed: Filed) -> None:
    filed.write(associations=[{"serviceAccount": "shop/web", "role": "storefrnt"}])
    outcome = filed("plan")
    assert (outcome.code, outcome.stdout) == (5, "")
    assert f"{filed.path}:7:9: role: Role storefrnt does not exist; did you mean storefront?" in outcome.stderr
    filed.write(roles=[{**ROLE, "policies": [{"managed": "AmazonS3ReadOnly"}]}], associations=[LINK])
    outcome = filed("apply")
    assert outcome.code == 5
    assert f"{filed.path}:8:5: policies: Managed policy" in outcome.stderr
    assert filed.role("web") is None


def test_diff_is_a_unified_diff(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    assert (filed("diff").code, filed("diff").stdout) == (0, "no differences\n")
    filed.write(roles=[{**ROLE, "description": "new"}], associations=[{**LINK, "serviceAccount": "shop/api"}])
    outcome = filed("diff")
    assert outcome.code == 3
    lines = outcome.stdout.splitlines()
    assert lines[:2] == ["--- live/role-settings/web", "+++ file/role-settings/web"]
    assert "-description: ''" in lines
    assert "+description: new" in lines
    assert ["--- /dev/null", "+++ file/association/shop/api"] in [lines[n : n + 2] for n in range(len(lines))]


def test_variables_are_values_of_options_only(filed: Filed) -> None:
    filed.write(roles=[{**ROLE, "description": "for ${TEAM}"}], associations=[LINK])
    assert filed("plan").code == 2
    filed.apply("--var", "TEAM=web")
    role = filed.role("web")
    assert role is not None
    assert role["description"] == "for web"


CHAINED: dict[str, Any] = {
    "roles": [
        {
            "name": "target",
            "trust": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"{ARN}base"},
                        "Action": ["sts:AssumeRole", "sts:TagSession"],
                    }
                ],
            },
        },
        {"name": "base", "policies": [{"name": "read", "document": READ}]},
        {"name": "other", "subjects": ["shop/other"]},
    ],
    "associations": [{"serviceAccount": "shop/web", "role": "base", "targetRole": f"{ARN}target"}],
}


def test_a_role_follows_the_roles_that_its_trust_policy_names(filed: Filed) -> None:
    """IAM rejects a principal that does not exist, in whatever order the file declares the roles."""
    filed.write(**CHAINED)
    outcome = filed("plan")
    assert (outcome.code, "does not exist" in outcome.stdout) == (3, False), outcome
    assert f"target role {ARN}target allows role base to assume it for shop/web" in outcome.stdout
    filed.apply("--update-trust")
    filed.settled()


def test_a_role_is_blocked_without_the_role_that_its_trust_policy_names(filed: Filed) -> None:
    filed.write(**CHAINED)
    deny = {"Effect": "Deny", "Action": "iam:CreateRole", "Resource": f"{ARN}base"}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, deny]}
    env = limited(filed.site.box, filed.site.directory, policy)
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", "-o", "json", env=env)
    statuses = {item["target"]: item["status"] for item in outcome.json["actions"] if item["kind"] == "role"}
    assert (outcome.code, statuses) == (8, {"base": "failed", "target": "blocked", "other": "done"}), outcome


def test_a_condition_that_cannot_match_has_its_line(filed: Filed) -> None:
    filed.write(roles=[{**ROLE, "conditions": ["aws:SourceIp=10.0.0.1"]}], associations=[LINK])
    outcome = filed("plan")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"{filed.path}:18:3: conditions: The condition can never match for shop/web: StringEquals" in outcome.stderr


# --- ownership --------------------------------------------------------------------------------------------------------


def test_what_exists_with_the_same_settings_is_taken_as_it_is(filed: Filed) -> None:
    filed.site.associate("shop", "web", "storefront")
    filed.write(associations=[{"serviceAccount": "shop/web", "role": "storefront"}])
    assert filed.plan()["unchanged"] == 1
    assert "nothing to change" in filed.apply().stdout
    assert filed.associations()["shop/web"]["tags"] == {}
    filed.apply("--adopt")
    assert filed.associations()["shop/web"]["tags"] == {"podid:owner": "shop"}
    filed.settled()


def test_what_exists_with_other_settings_is_a_conflict(filed: Filed) -> None:
    filed.site.associate("shop", "web", "storefront")
    filed.write(
        associations=[
            {"serviceAccount": "shop/web", "role": "storefront", "sessionTags": False},
            {"serviceAccount": "shop/api", "role": "storefront"},
        ]
    )
    before = filed.state()
    document = filed.plan(code=6)
    assert document["conflicts"] == [
        {
            "kind": "association",
            "target": "shop/web",
            "at": f"{filed.path}:6:3",
            "owner": None,
            "message": "The association shop/web exists with other settings, and no file owns it",
            "lines": ["session tags: on -> off"],
        }
    ]
    assert [item["target"] for item in document["created"]] == ["shop/api"]
    outcome = filed.apply(code=6)
    assert "--adopt" in outcome.stderr
    assert filed.state() == before
    filed.apply("--adopt")
    assert filed.associations()["shop/web"]["untagged"] is True
    filed.settled()


def test_an_adopted_role_keeps_its_trust_policy_without_a_flag(filed: Filed) -> None:
    iam = filed.site.aws("iam")
    other = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(other))
    filed.write(roles=[ROLE], associations=[LINK])
    assert "--adopt" in filed.apply(code=6).stderr
    filed.write(roles=[ROLE])
    assert (filed("diff").code, filed("diff").stdout) == (6, "podid apply would change nothing\n")
    filed.write(roles=[ROLE], associations=[LINK])
    outcome = filed.apply("--adopt", code=6)
    assert "--update-trust" in outcome.stderr
    role = filed.role("web")
    assert role is not None
    assert role["trust"] == other
    filed.apply("--adopt", "--update-trust")
    role = filed.role("web")
    assert role is not None
    assert other["Statement"] == role["trust"]["Statement"][:1]
    assert role["tags"]["podid:owner"] == "shop"
    filed.settled()


def test_another_file_keeps_what_it_owns(filed: Filed) -> None:
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


def test_a_custom_resource_without_tags_owns_as_well(healthy: Site) -> None:
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


def test_prune_deletes_only_what_carries_the_name(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK, {**LINK, "serviceAccount": "shop/api"}])
    filed.apply()
    filed.site.associate("shop", "cart", "storefront")
    eks = filed.site.aws("eks")
    made = eks.create_pod_identity_association(
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
    assert made["association"]["serviceAccount"] == "tool"


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


@pytest.mark.parametrize(
    ("tags", "tool"),
    [
        ({"crossplane-name": "web"}, "Crossplane"),
        ({"services.k8s.aws/controller-version": "1"}, "AWS Controllers for Kubernetes"),
        ({"ManagedBy": "Terraform"}, "Terraform"),
    ],
)
def test_what_another_tool_owns_needs_take_over(filed: Filed, tags: dict[str, str], tool: str) -> None:
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


def test_a_mark_can_be_removed(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK, {**LINK, "serviceAccount": "shop/api"}])
    filed.apply()
    filed.site.must("forget", "shop/api")
    assert filed.associations()["shop/api"]["tags"] == {"team": "a"}
    assert "unchanged" in filed.site.must("forget", "shop/api").stdout
    filed.site.must("forget", "-f", str(filed.path))
    assert all("podid:owner" not in item["tags"] for item in filed.associations().values())
    role = filed.role("web")
    assert role is not None
    assert role["tags"] == {"managed-by": "podid", "team": "a"}
    assert filed.plan()["unchanged"] == 3
    filed.write()
    assert filed.plan("--prune")["pruned"] == []
    filed.site.must("undo", "last", "--yes", "--wait", "none")
    assert filed.associations()["shop/web"]["tags"]["podid:owner"] == "shop"


def test_what_to_forget_must_be_named(filed: Filed) -> None:
    assert filed.site("forget").code == 2
    assert filed.site("forget", "shop/web", "-f", "x.yaml").code == 2
    assert filed.site("forget", "--role", "storefrunt").code == 5


# --- saved plans ------------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(filed: Filed) -> Path:
    filed.write(roles=[ROLE], associations=[LINK])
    path = filed.site.directory / "plan.json"
    assert filed("plan", "--save", str(path)).code == 3
    return path


def test_a_saved_plan_is_carried_out_without_a_question(filed: Filed, saved: Path) -> None:
    filed.site.associate("shop", "cart", "storefront")  # an unrelated change
    filed.site.must("apply", "--plan", str(saved), "--wait", "none")
    filed.settled()
    filed.write()
    assert filed("plan", "--prune", "--save", str(saved), "--force").code == 3
    filed.site.must("apply", "--plan", str(saved), "--wait", "none")
    assert set(filed.associations()) == {"shop/cart"}


def test_a_saved_plan_of_a_state_that_moved_is_refused(filed: Filed, saved: Path) -> None:
    filed.site.associate("shop", "web", "storefront")
    before = filed.state()
    outcome = filed.site("apply", "--plan", str(saved))
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "association shop/web exists already" in outcome.stderr
    assert filed.state() == before


@pytest.mark.parametrize("change", ["cut", "edited", "another file", "no digest", "of another account"])
def test_a_damaged_plan_is_refused(filed: Filed, saved: Path, change: str) -> None:
    text = saved.read_text()
    document = json.loads(text)
    if change == "of another account":
        from podid.ops.declare.saved import _digest

        document["parts"][0]["account"] = "444455556666"
        document["digest"] = _digest(document["parts"])
    saved.write_text(
        {
            "cut": text[: len(text) // 2],
            "edited": text.replace("shop", "shup"),
            "another file": filed.path.read_text(),
            "no digest": json.dumps({**document, "digest": None}),
        }.get(change, json.dumps(document))
    )
    outcome = filed.site("apply", "--plan", str(saved))
    assert outcome.code == (6 if change == "of another account" else 2), outcome
    assert filed.role("web") is None


def test_a_plan_with_conflicts_is_not_saved(filed: Filed) -> None:
    filed.site.associate("shop", "web", "storefront")
    filed.write(associations=[{"serviceAccount": "shop/web", "role": "storefront", "sessionTags": False}])
    path = filed.site.directory / "plan.json"
    outcome = filed("plan", "--save", str(path))
    assert outcome.code == 6
    assert not path.exists()


# --- several clusters -------------------------------------------------------------------------------------------------


@pytest.fixture
def clusters(filed: Filed) -> Filed:
    add_cluster(filed.site.box.world, "blue")
    return filed


def test_a_file_for_two_clusters(clusters: Filed) -> None:
    clusters.write(clusters=["demo", "blue"], roles=[ROLE], associations=[LINK])
    outcome = clusters("plan", "-o", "json")
    assert outcome.code == 3
    demo, blue = outcome.json["items"]
    assert (demo["cluster"], blue["cluster"]) == ("demo", "blue")
    assert [item["kind"] for item in demo["created"]] == ["role", "role-policy", "association"]
    assert [item["kind"] for item in blue["created"]] == ["association"]
    outcome = clusters("apply", "--wait", "none", "-o", "json")
    assert outcome.code == 0, outcome
    assert [item["cluster"] for item in outcome.json["items"]] == ["demo", "blue"]
    assert clusters.associations("blue") == clusters.associations("demo")
    role = clusters.role("web")
    assert role is not None
    arns = {item["Condition"]["ArnEquals"]["aws:SourceArn"] for item in role["trust"]["Statement"]}
    assert arns == {CLUSTER_ARN, CLUSTER_ARN.replace("demo", "blue")}
    assert clusters("plan").code == 0
    # one cluster by itself keeps what the role allows in the other
    clusters.write(clusters=["demo", "blue"], roles=[{**ROLE, "scope": "namespace"}], associations=[LINK])
    assert clusters("apply", "--cluster", "blue", "--wait", "none").code == 0
    assert clusters("plan", "--cluster", "blue").code == 0
    role = clusters.role("web")
    assert role is not None
    assert len(role["trust"]["Statement"]) == 2


def test_roles_are_pruned_after_the_associations_of_all_clusters(clusters: Filed) -> None:
    clusters.write(clusters=["demo", "blue"], roles=[ROLE], associations=[LINK])
    assert clusters("apply", "--wait", "none").code == 0
    clusters.write(clusters=["demo", "blue"])
    outcome = clusters("apply", "--prune", "--yes", "--wait", "none")
    assert outcome.code == 0, outcome
    assert (clusters.associations("demo"), clusters.associations("blue"), clusters.role("web")) == ({}, {}, None)


def test_a_cluster_that_the_file_does_not_list(clusters: Filed) -> None:
    clusters.write(clusters=["blue"], associations=[])
    outcome = clusters("plan", "--cluster", "demo")
    assert outcome.code == 2
    assert "do not list cluster demo; they list blue" in outcome.stderr


# --- against the live cluster -----------------------------------------------------------------------------------------


def test_patterns_match_live_service_accounts(healthy: Site) -> None:
    filed = Filed(healthy)
    filed.write(
        associations=[
            {"serviceAccount": "payments/b*", "role": "storefront"},
            {"serviceAccount": "*/nobody*", "role": "storefront"},
        ]
    )
    document = filed.plan(code=3)
    assert [item["target"] for item in document["created"]] == ["payments/billing-worker"]
    assert any("no service account matches */nobody*" in note for note in document["notes"])
    filed.write(associations=[{"serviceAccount": "*/*", "role": "storefront"}])
    targets = [item["target"] for item in filed.plan("--adopt", code=3)["created"]]
    assert targets
    assert not [name for name in targets if name.startswith(("kube-system/", "default/")) or name.endswith("/default")]
    filed.write(associations=[{"serviceAccount": "shop/default", "role": "storefront"}])
    assert [item["target"] for item in filed.plan(code=3)["created"]] == ["shop/default"]


def test_service_accounts_are_created_and_pods_restarted(healthy: Site) -> None:
    filed = Filed(healthy)
    filed.write(associations=[{"serviceAccount": "shop/new", "role": "storefront", "createServiceAccount": True}])
    outcome = filed("apply")
    assert outcome.code == 0, outcome
    assert healthy.cluster.get("/api/v1/namespaces/shop/serviceaccounts/new")["metadata"]["name"] == "new"
    filed.write(associations=[{"serviceAccount": "payments/billing-worker", "role": "storefront"}])
    outcome = filed("apply", "--restart", "-o", "json")
    assert outcome.code == 0, outcome
    assert [item["verb"] for item in outcome.json["actions"]] == ["create", "restart"]
    assert outcome.json["after"][0]["state"] in ("ready", "verified")
    filed.settled()


def test_a_plan_shows_its_effect_on_pods(healthy: Site) -> None:
    """A narrower trust policy and a pruned association take credentials from pods; a plan without changes reads none of
    them."""
    account = "payments/billing-worker"
    filed = Filed(healthy)
    filed.write(roles=[{**ROLE, "scope": "cluster"}], associations=[{**LINK, "serviceAccount": account}])
    filed.apply()
    assert filed.plan()["after"] is None
    filed.write(roles=[{**ROLE, "subjects": ["shop/web"]}], associations=[{**LINK, "serviceAccount": account}])
    document = filed.plan(code=3)
    assert [(item["serviceAccount"], item["state"]) for item in document["after"]] == [("billing-worker", "broken")]
    assert "trust-condition-never-matches" in [item["id"] for item in document["brings"]]
    assert "billing-worker  broken" in filed("plan").stdout
    filed.write()
    (after,) = filed.plan("--prune", code=3)["after"]
    assert after["state"] == "no-association"


def test_an_agent_is_installed(site: Site) -> None:
    filed = Filed(site)
    filed.write(agent={"configuration": {"agent": {"probePort": 2704}}})
    assert [item["kind"] for item in filed.plan(code=3)["created"]] == ["addon"]
    filed.apply()
    site.wait(60)
    filed.settled()


def test_what_cannot_be_read_is_no_difference(healthy: Site) -> None:
    filed = Filed(healthy)
    filed.write(associations=[{"serviceAccount": "payments/b*", "role": "storefront"}])
    env = healthy.user("nobody", [])
    outcome = healthy("plan", "-f", str(filed.path), "-o", "json", env=env)
    assert outcome.code == 9, outcome
    assert outcome.json["unread"][0]["permission"]
    assert healthy("apply", "-f", str(filed.path), env=env).code == 4


# --- failures in the middle -------------------------------------------------------------------------------------------


def test_a_failure_stops_only_what_needs_it(filed: Filed) -> None:
    names = ("one", "two", "three")
    roles = [{"name": name, "policies": [{"name": "read", "document": READ}]} for name in names]
    filed.write(roles=roles, associations=[{"serviceAccount": f"shop/{name}", "role": name} for name in names])
    deny = {"Effect": "Deny", "Action": "iam:PutRolePolicy", "Resource": f"{ARN}one"}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, deny]}
    env = limited(filed.site.box, filed.site.directory, policy)
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", "-o", "json", env=env)
    assert outcome.code == 8, outcome
    statuses = {(item["kind"], item["target"]): item["status"] for item in outcome.json["actions"]}
    assert statuses["role-policy", "one/read"] == "failed"
    assert statuses["association", "shop/one"] == "blocked"
    assert statuses["association", "shop/two"] == statuses["association", "shop/three"] == "done"
    filed.apply()
    filed.settled()


def denying(filed: Filed, action: str, resource: str) -> dict[str, str]:
    deny = {"Effect": "Deny", "Action": action, "Resource": resource}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, deny]}
    return limited(filed.site.box, filed.site.directory, policy)


def test_a_role_that_cannot_be_read_stops_only_what_needs_it(filed: Filed) -> None:
    names = ("one", "two")
    filed.write(
        roles=[{"name": name, "subjects": [f"shop/{name}"]} for name in names],
        associations=[{"serviceAccount": f"shop/{name}", "role": name} for name in names],
    )
    env = denying(filed, "iam:GetRole", f"{ARN}one")
    plan = filed.site("plan", "-f", str(filed.path), "-o", "json", env=env)
    assert (plan.code, [item["target"] for item in plan.json["created"]]) == (9, ["two", "shop/two"])
    assert [item["target"] for item in plan.json["unread"]] == ["role one", "association of shop/one: role one"]
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", env=env)
    assert (outcome.code, "role one could not be read" in outcome.stderr) == (8, True), outcome
    assert (list(filed.associations()), filed.role("one")) == (["shop/two"], None)
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", env=env)
    assert (outcome.code, outcome.stdout) == (4, "")  # nothing is left that can be done
    filed.apply()
    filed.settled()


def test_an_association_of_others_that_cannot_be_read_stops_nothing(filed: Filed) -> None:
    other = filed.site.associate("other", "one", "storefront")
    filed.site.associate("other", "two", "storefront")
    filed.write(roles=[ROLE], associations=[LINK])
    env = denying(
        filed,
        "eks:DescribePodIdentityAssociation",
        f"arn:aws:eks:us-west-2:{ACCOUNT}:podidentityassociation/demo/{other}",
    )
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", env=env)
    assert (outcome.code, "association of other/one could not be read" in outcome.stderr) == (9, True), outcome
    assert set(filed.associations()) == {"other/one", "other/two", "shop/web"}


@pytest.mark.parametrize("operation", ["CreateRole", "PutRolePolicy", "CreatePodIdentityAssociation"])
def test_a_lost_answer_in_the_middle_is_settled_by_a_rerun(filed: Filed, operation: str) -> None:
    filed.write(roles=[ROLE], associations=[LINK, {**LINK, "serviceAccount": "shop/api"}])
    service = "eks" if "Association" in operation else "iam"
    filed.site.box.faults.lose_answer(service, operation, times=20)
    filed("apply", "--wait", "none", "--timeout", "5s")
    filed.site.box.faults.clear()
    filed.site.wait(30)
    filed.apply()
    filed.settled()


WRITES = (("iam", "CreateRole"), ("iam", "AttachRolePolicy"), ("eks", "CreatePodIdentityAssociation"))


@pytest.mark.usefixtures("own_threads")
@pytest.mark.parametrize("count", [50, pytest.param(1000, marks=pytest.mark.rare)])
def test_many_with_failures_in_the_middle(filed: Filed, count: int) -> None:
    """A throttled account, lost answers, closed connections and failures of the service: the file is made in the end,
    each association once, and nothing else changes."""
    filed.site.associate("other", "one", "storefront")
    foreign = filed.associations()
    names = [f"team-{number}" for number in range(count // 10)]
    roles = [
        {"name": name, "scope": "namespace", "policies": [{"managed": "AmazonS3ReadOnlyAccess"}]} for name in names
    ]
    links = [{"serviceAccount": f"{name}/sa-{number}", "role": name} for name in names for number in range(10)]
    filed.write(roles=roles, associations=links)
    faults, failures = filed.site.box.faults, count // 50
    for service, operation in WRITES:
        faults.lose_answer(service, operation, times=failures)
        faults.reset(service, operation, times=failures)
        faults.fail(service, operation, times=failures)
    faults.throttle(200, 20, "eks")
    faults.calls.clear()
    outcome = filed("apply", "--wait", "none")
    faults.clear()
    made = faults.calls["eks", "CreatePodIdentityAssociation"]
    if outcome.code != 0:
        assert outcome.code in (7, 8), outcome
        filed.apply()
    assert made <= count + 3 * failures + count // 5  # retries of failed calls, and of throttled ones
    filed.settled()
    live = filed.associations()
    assert set(live) == {*foreign, *(str(link["serviceAccount"]) for link in links)}
    assert {name: live[name] for name in foreign} == foreign
    filed.write(roles=roles[1:], associations=links[10:])
    filed.apply("--prune", "--yes")
    assert len(filed.associations()) == len(foreign) + count - 10
    assert filed.role("team-0") is None
    filed.site.must("undo", "last", "--yes", "--wait", "none")
    assert filed.associations() == live


# --- random pairs of states -------------------------------------------------------------------------------------------

ACCOUNTS = [f"{namespace}/{name}" for namespace in ("shop", "web") for name in ("a", "b", "c")]
NAMES = ("r1", "r2", "r3")


def chosen(chance: random.Random) -> dict[str, Any]:
    """Return the members of a random file."""

    def maybe(value: Any) -> Any:
        return value if chance.random() < 0.4 else None

    def tags() -> dict[str, str]:
        return {
            key: chance.choice(["one", "two"]) for key in chance.sample(["team", "env", "cost"], chance.randrange(3))
        }

    def some(**members: Any) -> dict[str, Any]:
        return {key: value for key, value in members.items() if value is not None}

    roles: list[dict[str, Any]] = [
        some(
            name=name,
            scope=maybe(chance.choice(["service-account", "namespace", "cluster"])),
            description=maybe(chance.choice(["one", "two"])),
            maxSessionDuration=maybe(chance.choice(["2h", 7200, "12h"])),
            tags=maybe(tags()),
            subjects=["shop/a"] if chance.random() < 0.5 else ["web/b", "web/c"],
            policies=chance.sample(
                [
                    {"name": "read", "document": READ},
                    {"name": "read", "document": POLICY},
                    {"managed": "AmazonSQSFullAccess"},
                    {"managed": "AmazonS3ReadOnlyAccess"},
                    {"preset": "sqs-send", "parameters": {"queue": "q"}},
                ][chance.randrange(2) :],
                chance.randrange(3),
            )
            if chance.random() < 0.8
            else None,
        )
        for name in NAMES
        if chance.random() < 0.7
    ]
    for role in roles:
        # each policy once
        role["policies"] = list({item.get("name", repr(item)): item for item in role.get("policies", ())}.values())
    associations = []
    for account in ACCOUNTS:
        if chance.random() < 0.5:
            continue
        name = chance.choice([*(str(item["name"]) for item in roles), "storefront"])
        if name != "storefront":
            subjects = next(item for item in roles if item["name"] == name)["subjects"]
            subjects += [account] if account not in subjects else []
        untagged = chance.random() < 0.3
        associations.append(
            some(
                serviceAccount=account,
                role=name,
                sessionTags=False if untagged else None,
                sessionPolicy=READ if untagged and chance.random() < 0.5 else None,
                tags=maybe(tags()),
            )
        )
    return {"roles": roles, "associations": associations}


def cases() -> list[Any]:
    return [pytest.param(seed, marks=() if seed < 6 else pytest.mark.rare) for seed in range(200)]


@pytest.mark.parametrize("seed", cases())
def test_every_pair_of_states(filed: Filed, seed: int) -> None:
    chance = random.Random(seed)
    filed.site.associate("other", "one", "storefront")
    filed.site.associate("shop", "free", "storefront")
    foreign = filed.state()
    filed.write(**chosen(chance))
    filed.apply("--prune", "--yes")
    filed.settled("--prune")
    first = filed.state()
    filed.write(**chosen(chance))
    changed = filed.plan("--prune", code=filed("plan", "--prune").code)
    filed.apply("--prune", "--yes")
    filed.settled("--prune")
    last = filed.state()
    for kind, items in foreign.items():
        assert {name: last[kind][name] for name in items} == items
    declared = yaml.safe_load(filed.path.read_text())
    owned = {name for name, item in last["associations"].items() if item["tags"].get("podid:owner") == "shop"}
    assert owned == {item["serviceAccount"] for item in declared["associations"]}
    assert {name for name in last["roles"] if name in NAMES} == {item["name"] for item in declared["roles"]}
    if changed["created"] or changed["changed"] or changed["pruned"]:
        filed.site.must("undo", "last", "--yes", "--wait", "none")
        assert filed.state() == first


# --- the number of calls ----------------------------------------------------------------------------------------------


def test_a_thousand_unchanged_associations_cost_no_more_than_a_list(account: Site) -> None:
    filed, count = Filed(account), 1000
    accounts = [f"shop/sa-{number}" for number in range(count)]
    for name in accounts:
        add_association(account.box.world, "shop", name.partition("/")[2], "storefront")
    filed.write(associations=[{"serviceAccount": name, "role": "storefront"} for name in accounts])
    account.box.faults.calls.clear()
    account.must("list", "-o", "json")
    listed = account.box.faults.calls.total()
    account.box.faults.calls.clear()
    assert filed.plan()["unchanged"] == count
    assert account.box.faults.calls.total() <= 1.2 * listed
