"""What finish removes of kiam and kube2iam, and what it keeps. Each test has workloads of its own in one cluster."""

import json

import pytest

from cluster_api import Json, injected
from ops.migrate.worlds import NODES, PREFIX, Proxies, annotations, names_agent, stage_of
from podid.sandbox.faults import Fault
from podid.sandbox.proxy_samples import EXTERNAL_ID, NAMESPACE, ROLE
from worlds import Site

MOVED = ("web", "kept", "ci", "left", "right", "unread")
EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
BOTH: Json = {"Effect": "Allow", "Principal": {"AWS": [NODES, f"{PREFIX}ci"]}, "Action": "sts:AssumeRole"}
FAR = "arn:aws:iam::444455556666:role/apps-far"


@pytest.fixture(scope="module")
def _moved(_kept: Site) -> Proxies:
    proxies = Proxies(_kept)
    role = proxies.samples.role("apps-shared")
    for name in MOVED:
        proxies.one(
            name, role if name == "kept" else "", annotations={EXTERNAL_ID: "x", "team": "a"} if name == "web" else None
        )
    proxies.one("needs", role)
    iam = _kept.aws("iam")
    iam.create_role(RoleName="ci", AssumeRolePolicyDocument=_policy(EC2))
    iam.update_assume_role_policy(RoleName="apps-ci", PolicyDocument=_policy(EC2, BOTH))
    _kept.must("migrate", "apply", *_refs(MOVED), "--yes")
    return proxies


@pytest.fixture
def moved(_moved: Proxies, shared: Site) -> Proxies:
    """Return a cluster whose workloads use Pod Identity: `shared` restores permissions and removes faults."""
    return _moved


def _policy(*statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _refs(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{NAMESPACE}/{name}" for name in names)


def _finish(*names: str) -> tuple[str, ...]:
    return ("migrate", "finish", *_refs(names), "--soak", "0", "--yes")


def test_finish_removes_annotations_then_the_trust(moved: Proxies) -> None:
    trust, before = moved.trust("apps-web"), annotations(moved, "web")
    result = moved.site.must(*_finish("web"), "-o", "json").json
    assert [(action["kind"], action["target"]) for action in result["actions"]] == [
        ("pod-template", "apps/Deployment/web"),
        ("role-trust", "apps-web"),
    ]
    kept = annotations(moved, "web")
    assert (ROLE in kept, EXTERNAL_ID in kept, kept["team"]) == (False, False, "a")
    assert not names_agent(moved, "apps-web")
    (pod,) = moved.site.cluster.pods(NAMESPACE, "web")
    assert (injected(pod), ROLE in pod["metadata"]["annotations"]) == (True, False)
    assert stage_of(moved, "web") == "clean"
    moved.site.must("undo", "last", "--yes")
    assert (moved.trust("apps-web"), annotations(moved, "web").items() >= before.items()) == (trust, True)
    assert stage_of(moved, "web") == "moved"


def test_the_trust_stays_while_an_annotation_needs_it(moved: Proxies) -> None:
    assert f"{NODES} stays for apps/needs" in moved.site.must(*_finish("kept")).stderr
    assert names_agent(moved, "apps-shared")
    assert stage_of(moved, "kept") == "clean"
    moved.site.must("migrate", "apply", "apps/needs", "--yes")
    moved.site.must(*_finish("needs"))
    assert not names_agent(moved, "apps-shared")


def test_other_principals_stay(moved: Proxies) -> None:
    moved.site.must(*_finish("ci"))
    assert moved.trust("apps-ci")[:2] == [EC2, {**BOTH, "Principal": {"AWS": f"{PREFIX}ci"}}]


def test_a_role_of_another_account_becomes_the_target_role(moved: Proxies) -> None:
    moved.one("far", FAR)
    assert moved.blockers()["far", FAR] == ["cross-account-role-arn"]
    moved.site("associate", "apps/far", "--create-role", "--target-role", FAR)
    moved.site("restart", "apps/far", "--yes")
    item = moved.items()["far", FAR]
    assert (item["stage"], item["blockers"]) == ("moved", [])
    assert [step["action"] for step in item["steps"]] == ["verify", "finish"]
    moved.site.must(*_finish("far"))
    assert ROLE not in annotations(moved, "far")
    assert stage_of(moved, "far") == "clean"


def test_a_finish_that_stopped_is_continued(moved: Proxies) -> None:
    refused = Fault("fail", operation="PATCH */deployments/right", status=403, message="forbidden")
    moved.site.kube.faults.add(refused)
    outcome = moved.site(*_finish("left", "right"))
    assert outcome.code == 8, outcome
    assert names_agent(moved, "apps-right")
    moved.site.kube.faults.clear()
    moved.site.must(*_finish("left", "right"))
    assert not names_agent(moved, "apps-left")
    assert not names_agent(moved, "apps-right")
    assert [stage_of(moved, name) for name in ("left", "right")] == ["clean"] * 2
    assert moved.site.must(*_finish("left", "right")).stdout == "nothing to change\n"


def test_nodes_whose_roles_cannot_be_read(moved: Proxies) -> None:
    moved.site.box.world.credentials.deny("eks:DescribeNodegroup")
    outcome = moved.site(*_finish("unread"))
    assert (outcome.code, "node groups: requires eks:DescribeNodegroup" in outcome.stderr) == (9, True), outcome
    outcome = moved.site(*_finish("unread"), "--accept-unread")
    assert "podid leaves the trust policy of role apps-unread unchanged" in outcome.stderr, outcome
    assert names_agent(moved, "apps-unread")
