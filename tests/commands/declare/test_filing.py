"""The files of a command: mistakes, variables, and several clusters."""

import pytest

from harness import table
from ops.declare.broken import BROKEN, Broken
from ops.declare.worlds import LINK, ROLE, Filed
from podid.sandbox.baseline import add_cluster
from worlds import CLUSTER_ARN


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
