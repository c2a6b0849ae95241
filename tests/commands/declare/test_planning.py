"""The files of a command: mistakes, variables, and several clusters."""

import json
from pathlib import Path

import pytest

from harness import table
from ops.declare.broken import BROKEN, Broken
from ops.declare.worlds import LINK, ROLE, Filed, associated
from podid.sandbox.baseline import add_cluster
from worlds import CLUSTER_ARN, Site


@table("case", list(BROKEN.values())[::6])
def test_a_broken_file_sends_nothing(filed: Filed, case: Broken) -> None:
    filed.path.write_text(case.text)
    filed.site.box.faults.calls.clear()
    for command in ("plan", "apply", "diff"):
        outcome = filed(command, "--var", "TEAM=shop")
        assert (outcome.code, outcome.stdout) == (2, ""), outcome
        assert f"{filed.path}:{case.line}:{case.column}" in outcome.stderr
    assert not filed.site.box.faults.calls


def test_variables_are_values_of_options_only(filed: Filed) -> None:
    filed.write(roles=[{**ROLE, "description": "for ${TEAM}"}], associations=[LINK])
    assert filed("plan").code == 2
    filed.apply("--var", "TEAM=web")
    role = filed.role("web")
    assert role is not None
    assert role["description"] == "for web"


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
    # the first plan creates the role for both
    assert [(item["state"], item["id"]) for item in blue["after"]] == [(i["state"], i["id"]) for i in demo["after"]]
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


def test_a_cluster_by_its_name_and_by_its_arn_is_one(filed: Filed) -> None:
    filed.write(clusters=["demo", CLUSTER_ARN], roles=[ROLE], associations=[LINK])
    assert [item["kind"] for item in filed.plan(code=3)["created"]] == ["role", "role-policy", "association"]


def test_a_cluster_that_the_file_does_not_list(clusters: Filed) -> None:
    clusters.write(clusters=["blue"], associations=[])
    outcome = clusters("plan", "--cluster", "demo")
    assert outcome.code == 2
    assert "do not list cluster demo; they list blue" in outcome.stderr


# --- files of other programs ------------------------------------------------------------------------------------------


@pytest.fixture
def shop(account: Site) -> Site:
    return associated(account)


def test_a_list_of_the_api_is_completed_from_the_cluster(shop: Site, tmp_path: Path) -> None:
    eks = shop.aws("eks")
    listed = [
        {key: value for key, value in item.items() if key != "ownerArn"}
        for item in eks.list_pod_identity_associations(clusterName="demo")["associations"]
    ]
    assert all("roleArn" not in item for item in listed)
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"associations": listed}))
    shop.box.faults.calls.clear()
    outcome = shop("plan", "-f", str(path), "-o", "json")
    assert (outcome.code, outcome.json["unchanged"], outcome.json["files"]) == (0, len(listed), ["demo-list"]), outcome
    refused = shop("convert", "-f", str(path))
    assert refused.code == 2
    assert "podid plan and apply read them from the cluster" in refused.stderr
    path.write_text(json.dumps({"associations": [{**listed[0], "associationId": "a-0000000000000000"}]}))
    gone = shop("plan", "-f", str(path))
    assert gone.code == 2
    assert f"{path}:1:19: associations[0].roleArn: is required, and cluster demo has no association a-0" in gone.stderr


def test_notes_of_a_foreign_file_are_notes_of_its_plan(account: Site, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    row = {"namespace": "shop", "serviceAccountName": "pay", "wellKnownPolicies": {"autoScaler": True}}
    config = {
        "apiVersion": "eksctl.io/v1alpha5",
        "kind": "ClusterConfig",
        "metadata": {"name": "demo"},
        "iam": {"podIdentityAssociations": [row]},
    }
    path.write_text(json.dumps(config))
    outcome = account("plan", "-f", str(path), "-o", "json")
    assert outcome.code == 3, outcome
    assert any("eksctl's trust policy allows every pod" in note for note in outcome.json["notes"])
    assert account("apply", "-f", str(path), "--wait", "none").code == 0
    assert account("plan", "-f", str(path)).code == 0
    role = account.aws("iam").get_role(RoleName="demo-shop-pay")["Role"]
    assert {"Key": "podid:owner", "Value": "demo-cluster"} in role["Tags"]


def _declaring(filed: Filed, *clusters: str | None) -> list[str]:
    """Write a file for each cluster (None without clusters) that declares LINK, and return the options."""
    words = []
    for number, cluster in enumerate(clusters):
        path = filed.path.with_name(f"file-{number}.yaml")
        filed.write(
            name=f"file-{number}",
            path=path,
            **({"clusters": [cluster]} if cluster else {}),
            associations=[{**LINK, "role": "storefront"}],
        )
        words += ["-f", str(path)]
    return words


@pytest.mark.parametrize(
    ("names", "more"),
    [
        ((None, None), ()),
        (("demo", "demo"), ()),
        ((CLUSTER_ARN, CLUSTER_ARN), ()),
        (("demo", None), ("--cluster", "demo")),
    ],
)
def test_an_association_in_two_files_of_a_cluster_is_a_mistake(
    clusters: Filed, names: tuple[str | None, ...], more: tuple[str, ...]
) -> None:
    """podid reads nothing for it."""
    files = _declaring(clusters, *names)
    clusters.site.box.faults.calls.clear()
    for command in ("plan", "apply", "diff"):
        outcome = clusters.site(command, *files, *more)
        assert (outcome.code, outcome.stdout) == (2, ""), outcome
        first = str(clusters.path.with_name("file-0.yaml"))
        assert f"associations[0].serviceAccount: shop/web is already declared at {first}:" in outcome.stderr
    assert not clusters.site.box.faults.calls


def test_an_association_of_two_clusters_may_be_in_two_files(clusters: Filed) -> None:
    outcome = clusters.site("plan", *_declaring(clusters, "demo", "blue"), "--update-trust", "-o", "json")
    assert (outcome.code, [len(item["created"]) for item in outcome.json["items"]]) == (3, [1, 1]), outcome
