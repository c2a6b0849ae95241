"""What finish removes of kiam and kube2iam, and what it keeps."""

import json

from cluster_api import Json, injected
from ops.migrate.worlds import FINISH, NODES, PREFIX, Proxies, annotations, migrated, names_agent, stage_of
from podid.sandbox.faults import Fault
from podid.sandbox.proxy_samples import EXTERNAL_ID, NAMESPACE, ROLE
from worlds import Site


def test_finish_removes_annotations_then_the_trust(proxies: Proxies) -> None:
    proxies.one("web", annotations={EXTERNAL_ID: "x", "team": "a"})
    migrated(proxies)
    result = proxies.site.must(*FINISH, "--yes", "-o", "json").json
    assert [(action["kind"], action["target"]) for action in result["actions"]] == [
        ("pod-template", "apps/Deployment/web"),
        ("role-trust", "apps-web"),
    ]
    kept = annotations(proxies, "web")
    assert (ROLE in kept, EXTERNAL_ID in kept, kept["team"]) == (False, False, "a")
    assert not names_agent(proxies, "apps-web")
    (pod,) = proxies.site.cluster.pods(NAMESPACE)
    assert (injected(pod), ROLE in pod["metadata"]["annotations"]) == (True, False)
    assert stage_of(proxies, "web") == "finished"
    assert proxies.site.must(*FINISH, "--yes").stdout == "nothing to change\n"


def test_the_trust_stays_while_an_annotation_needs_it(proxies: Proxies) -> None:
    role = proxies.samples.role("apps-shared")
    for name in ("first", "second"):
        proxies.one(name, role)
    proxies.site.must("migrate", "apply", "apps/first", "--yes")
    outcome = proxies.site.must("migrate", "finish", "apps/first", "--soak", "0", "--yes")
    assert f"{NODES} stays for apps/second" in outcome.stderr
    assert names_agent(proxies, "apps-shared")
    assert stage_of(proxies, "first") == "finished"
    proxies.site.must("migrate", "apply", "apps/second", "--yes")
    proxies.site.must("migrate", "finish", "apps/second", "--soak", "0", "--yes")
    assert not names_agent(proxies, "apps-shared")


def test_other_principals_stay(proxies: Proxies) -> None:
    proxies.one("web")
    iam = proxies.site.aws("iam")
    other = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    both: Json = {"Effect": "Allow", "Principal": {"AWS": [NODES, f"{PREFIX}ci"]}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="ci", AssumeRolePolicyDocument=_policy(other))
    iam.update_assume_role_policy(RoleName="apps-web", PolicyDocument=_policy(other, both))
    migrated(proxies)
    proxies.site.must(*FINISH, "--yes")
    statements = proxies.trust("apps-web")
    assert statements[:2] == [other, {**both, "Principal": {"AWS": [f"{PREFIX}ci"]}}]


def _policy(*statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_the_default_role_keeps_its_trust(healthy: Site) -> None:
    proxies = Proxies(healthy, "kube2iam", "--default-role=apps-default")
    proxies.samples.role("apps-default")
    proxies.one("web", "apps-default")
    proxies.site.must("migrate", "apply", "apps/web", "--yes")
    outcome = proxies.site.must("migrate", "finish", "apps/web", "--soak", "0", "--yes")
    assert "stays for payments/billing-worker, pods without an annotation" in outcome.stderr
    assert names_agent(proxies, "apps-default")


def test_kiam_keeps_the_trust_in_the_nodes(healthy: Site) -> None:
    proxies = Proxies(healthy, "kiam")
    proxies.one("web")
    migrated(proxies)
    assert names_agent(proxies, "apps-web", f"{PREFIX}kiam-server")
    proxies.site.must(*FINISH, "--yes")
    assert not names_agent(proxies, "apps-web", f"{PREFIX}kiam-server")
    assert names_agent(proxies, "kiam-server")


def test_a_role_of_another_account_becomes_the_target_role(proxies: Proxies) -> None:
    far = "arn:aws:iam::444455556666:role/apps-far"
    proxies.one("far", far)
    assert proxies.blockers() == {("far", far): ["cross-account-role-arn"]}
    proxies.site("associate", "apps/far", "--create-role", "--target-role", far)
    proxies.site("restart", "apps/far", "--yes")
    item = proxies.items()["far", far]
    assert (item["stage"], item["blockers"]) == ("moved", [])
    assert [step["action"] for step in item["steps"]] == ["verify", "finish"]
    proxies.site.must(*FINISH, "--yes")
    assert ROLE not in annotations(proxies, "far")
    assert stage_of(proxies, "far") == "finished"


def test_a_finish_that_stopped_is_continued(proxies: Proxies) -> None:
    for name in ("first", "second"):
        proxies.one(name)
    migrated(proxies)
    refused = Fault("fail", operation="PATCH */deployments/second", status=403, message="forbidden")
    proxies.site.kube.faults.add(refused)
    outcome = proxies.site(*FINISH, "--yes")
    assert outcome.code == 8, outcome
    assert names_agent(proxies, "apps-second")
    proxies.site.kube.faults.clear()
    proxies.site.must(*FINISH, "--yes")
    assert not names_agent(proxies, "apps-first")
    assert not names_agent(proxies, "apps-second")
    assert [stage_of(proxies, name) for name in ("first", "second")] == ["finished"] * 2


def test_nodes_whose_roles_cannot_be_read(proxies: Proxies) -> None:
    proxies.one("web")
    migrated(proxies)
    proxies.site.box.world.credentials.deny("eks:DescribeNodegroup")
    outcome = proxies.site(*FINISH, "--yes")
    assert "podid leaves the trust policy of role apps-web unchanged" in outcome.stderr, outcome
    assert names_agent(proxies, "apps-web")


def test_undo_of_finish(proxies: Proxies) -> None:
    proxies.one("web")
    migrated(proxies)
    trust = proxies.trust("apps-web")
    proxies.site.must(*FINISH, "--yes")
    proxies.site.must("undo", "last", "--yes")
    assert (proxies.trust("apps-web"), annotations(proxies, "web")[ROLE]) == (trust, "apps-web")
    assert stage_of(proxies, "web") == "moved"
