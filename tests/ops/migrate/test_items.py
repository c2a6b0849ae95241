"""The items of a cluster: one item for each service account and role."""

import fcntl
import json
import os
from pathlib import Path

import pytest

from harness import table
from irsa import ANNOTATION, PROVIDER, REPORTS, Irsa, irsa_statement
from ops.migrate.worlds import CREATE, PREFIX, Proxies, migrated, stage_of
from podid.domain.errors import InvalidInput
from podid.domain.names import role_name
from podid.domain.signature import PLAN_KEY
from podid.ops.migrate.saved import read_plan
from podid.sandbox import irsa_samples, proxy_samples
from podid.sandbox.faults import Fault
from podid.sandbox.proxy_samples import NAMESPACE, ROLE
from worlds import ACCOUNT, CLUSTER_ARN, Site


def test_an_item_has_its_role_pods_and_steps(irsa: Irsa) -> None:
    item = irsa.items()[REPORTS]
    assert (item["source"], item["stage"]) == ("irsa", "old")
    assert item["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/irsa-reports"
    assert item["pods"] == {"total": 1, "podIdentity": 0, "irsa": 1, "other": 0}
    assert (item["blockers"], item["warnings"], item["unknown"]) == ([], [], [])
    assert [step["action"] for step in item["steps"]] == ["allow", "associate", "restart", "verify", "finish"]
    assert item["workloads"] == ["Deployment/legacy/reports"]
    assert irsa.site.must("migrate", "plan", "-o", "json").json["providers"] == [PROVIDER]


def test_an_item_of_kube2iam_has_its_annotation_and_base_role(proxies: Proxies) -> None:
    proxies.one("web")
    item = proxies.items()["web", "apps-web"]
    assert (item["source"], item["stage"], item["blockers"], item["warnings"]) == ("kube2iam", "old", [], [])
    assert item["pods"] == {"total": 1, "podIdentity": 0, "irsa": 0, "other": 1}
    assert item["workloads"] == ["Deployment/apps/web"]
    assert item["evidence"] == [
        "annotation iam.amazonaws.com/role: apps-web of Deployment apps/web",
        f"base role ARN {PREFIX} (--base-role-arn of DaemonSet kube-system/kube2iam)",
    ]
    assert [step["action"] for step in item["steps"]] == ["allow", "associate", "restart", "verify", "finish"]
    assert item["state"]["annotations"] == {ROLE: "apps-web"}


def test_the_samples_of_irsa(healthy: Site) -> None:
    """Read the samples of `podid sandbox start --samples irsa`."""
    irsa_samples.load(healthy.box.reach())
    healthy.wait(60)
    items = Irsa(healthy).items()
    blockers = {ref: [blocker["id"] for blocker in item["blockers"]] for ref, item in items.items() if item["blockers"]}
    assert blockers == {
        "apps/far": ["cross-account-role-arn"],
        "apps/gone": ["role-not-found"],
        "apps/keys": ["static-aws-keys-shadow"],
        "apps/manual": ["irsa-env-hardcoded"],
        "apps/old-sdk": ["sdk-too-old"],
        "apps/taken": ["association-other-role"],
    }
    warnings = {ref: [warning["id"] for warning in item["warnings"]] for ref, item in items.items() if item["warnings"]}
    assert {ref: ids for ref, ids in warnings.items() if ref not in blockers} == {
        "apps/both": ["role-used-elsewhere"],
        "apps/chained": ["chained-assume-missing-tag-session"],
        "apps/charted": ["annotation-owned"],
        "apps/host": ["host-network-pod"],
        "apps/north": ["wildcard-subject"],
        "apps/sessions": ["session-name-changed"],
        "apps/south": ["wildcard-subject"],
    }
    assert {ref for ref in items if not ref.startswith("apps/")} == {REPORTS, "kube-system/ebs-csi-controller-sa"}
    assert len(items) == 21


@pytest.mark.parametrize("source", ["kube2iam", "kiam"])
def test_the_samples_of_kiam_and_kube2iam(healthy: Site, source: str) -> None:
    """Read the samples of `podid sandbox start --samples kube2iam`."""
    proxy_samples.load(healthy.box.reach(), source)
    healthy.wait(60)
    listed = healthy.must("migrate", "plan", "--from", source, "-o", "json").json["items"]
    blockers = {(item["serviceAccount"], item["roleArn"].rpartition("/")[2]): item["blockers"] for item in listed}
    assert {key: [blocker["id"] for blocker in entries] for key, entries in blockers.items()} == {
        ("admin", "administration"): ["role-not-permitted"],
        ("default", "apps-charted"): ["needs-service-account"],
        ("default", "apps-nightly"): ["needs-service-account"],
        ("default", "apps-reader"): ["needs-service-account"],
        ("default", "apps-writer"): ["needs-service-account"],
        ("far", "apps-far"): ["cross-account-role-arn"],
        ("gone", "apps-gone"): ["role-not-found"],
        ("partner", "apps-partner"): [],
        ("queue", "apps-queue"): [],
        ("web", "apps-web"): [],
    }
    assert {item["source"] for item in listed} == {source}
    warnings = {item["serviceAccount"]: [w["id"] for w in item["warnings"]] for item in listed if item["warnings"]}
    assert warnings == {"partner": ["external-id-mismatch"]}


ROLES = f"arn:aws:iam::{ACCOUNT}:role/"


def test_the_arn_of_a_role_with_another_partition_or_path_than_in_the_annotation_is_named(irsa: Irsa) -> None:
    arn = irsa.items(REPORTS)[REPORTS]["roleArn"]
    namespace, name = REPORTS.split("/")
    for wrong in arn.replace("arn:aws:", "arn:aws-cn:"), arn.replace(":role/", ":role/team/"):
        annotation = {"metadata": {"annotations": {ANNOTATION: wrong}}}
        irsa.site.cluster.merge(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}", annotation)
        (blocker,) = irsa.items(REPORTS)[REPORTS]["blockers"]
        assert blocker["id"] == "role-not-found"
        assert blocker["message"] == f"Role {wrong} does not exist. The ARN of {role_name(arn)} is {arn}."


def test_each_role_and_kind_of_object_is_read_once(irsa: Irsa) -> None:
    """Each role is read once, the policies of all roles in one list, and each kind of object in one list."""
    site, number = irsa.site, 60
    site.cluster.make_namespace("many")
    for index in range(number):
        document = json.dumps({"Version": "2012-10-17", "Statement": [irsa_statement(f"many/app{index}")]})
        site.box.iam.make_role(ACCOUNT, f"app{index}", document)
        metadata = {"name": f"app{index}", "annotations": {ANNOTATION: f"{ROLES}app{index}"}}
        site.cluster.post("/api/v1/namespaces/many/serviceaccounts", {"metadata": metadata})
    site.box.faults.calls.clear()
    site.kube.faults.calls.clear()
    assert len(irsa.items("-n", "many")) == number
    calls = site.box.faults.calls
    # and those of the nodes' role
    assert calls["iam", "GetRole"] <= number + 1
    assert (calls["iam", "ListAttachedRolePolicies"], calls["iam", "ListRolePolicies"]) == (0, 0)
    assert calls["iam", "GetAccountAuthorizationDetails"] == 1
    assert calls["eks", "DescribePodIdentityAssociation"] == 0
    lists = {path: count for (_, path), count in site.kube.faults.calls.items() if "daemonsets" not in path}
    assert max(lists.values()) == 1, lists
    # without the permission, the policies of each role are listed
    items = irsa.items("-n", "many")
    site.box.world.credentials.deny("iam:GetAccountAuthorizationDetails")
    assert irsa.items("-n", "many") == items
    assert calls["iam", "ListRolePolicies"] == number


def test_one_migration_at_a_time(irsa: Irsa) -> None:
    directory = irsa.site.directory / "state" / "podid" / "locks"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for parent in (directory, directory.parent):
        parent.chmod(0o700)
    name = f"migrate-{ACCOUNT}-us-west-2-demo.lock"
    with open(directory / name, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        outcome = irsa.site("migrate", "apply", "-A", "--yes")
    assert (outcome.code, "Another podid process is migrating cluster demo" in outcome.stderr) == (6, True), outcome
    assert irsa.stages()[REPORTS] == "old"


def test_an_association_is_clean_only_if_every_mechanism_was_read(moved: Irsa) -> None:
    assert moved.stages() == {REPORTS: "moved", "shop/orders": "clean"}
    of_kiam = moved.site.must("migrate", "status", "--from", "kiam", "-o", "json").json
    assert of_kiam["items"] == []
    moved.site.kube.faults.add(Fault("fail", operation="GET */serviceaccounts*", status=403, message="forbidden"))
    unread = moved.site("migrate", "status", "-o", "json").json
    assert [item["stage"] for item in unread["items"]] == ["moved"]  # by the trust policy
    assert any(text.startswith("service accounts could not be read") for text in unread["unread"])


def test_an_association_is_clean_only_if_its_trust_policy_was_read(moved: Irsa) -> None:
    moved.site.box.world.credentials.deny("iam:GetRole")
    unread = moved.site("migrate", "status", "-o", "json")
    assert (unread.code, [item["serviceAccount"] for item in unread.json["items"]]) == (9, ["reports"]), unread
    assert "roles of associations could not be read: " in unread.json["unread"][0]
    assert unread.json["unread"][0].endswith("(requires iam:GetRole)")


def test_kiam_and_kube2iam_are_clean_only_if_the_roles_of_nodes_were_read(proxies: Proxies) -> None:
    proxies.one("web")
    migrated(proxies)
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web"
    proxies.patch(path, {"spec": {"template": {"metadata": {"annotations": {ROLE: None}}}}})
    assert stage_of(proxies, "web") == "moved"
    proxies.site.box.world.credentials.deny("eks:ListNodegroups")
    unread = proxies.site("migrate", "status", "-n", NAMESPACE, "-o", "json")
    assert (unread.code, unread.json["items"]) == (9, [])
    assert any("requires eks:ListNodegroups" in text for text in unread.json["unread"])


def test_a_saved_plan_is_carried_out_without_a_question(irsa: Irsa, tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    irsa.site.must("migrate", "plan", "--save", file)
    irsa.site.must("migrate", "apply", "--plan", file)
    assert irsa.stages()[REPORTS] == "moved"


def test_a_changed_trust_policy_ends_apply(irsa: Irsa, tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    irsa.site.must("migrate", "plan", "--save", file)
    document = irsa.trust("irsa-reports")
    document["Statement"].append(irsa_statement("shop/other"))
    irsa.site.trust("irsa-reports", document)
    outcome = irsa.site("migrate", "apply", "--plan", file)
    assert outcome.code == 6, outcome
    assert "legacy/reports: the trust policy of its role changed" in outcome.stderr
    assert irsa.stages()[REPORTS] == "old"


def test_a_saved_plan_creates_service_accounts(sharing: Proxies, tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    sharing.site.must("migrate", "plan", "-n", NAMESPACE, CREATE, "--save", file)
    sharing.site.must("migrate", "apply", "--plan", file)
    assert stage_of(sharing, "writer") == "moved"


def test_a_saved_plan_changes_only_its_items(irsa: Irsa, tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    arn = irsa.role("pair", irsa_statement("shop/one", "shop/two"))
    irsa.account("shop/one", arn)
    irsa.account("shop/two", arn)
    irsa.site.must("migrate", "plan", "shop/one", "--save", file)
    irsa.site.must("migrate", "apply", "--plan", file)
    stages = irsa.stages()
    # the trust policy does not allow shop/two, which would be admitted
    assert (stages["shop/one"], stages["shop/two"], stages[REPORTS]) == ("moved", "old", "old")
    assert len(irsa.trust("pair")["Statement"]) == 2


@table("text", ["", "{}", "[]", '{"kind": "MigrationPlan"}', '{"kind": "Plan", "items": []}'])
def test_a_file_that_is_no_plan(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_plan(text, "plan.json")


def test_a_damaged_plan_changes_nothing(irsa: Irsa, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    for text, code in (
        ("", 2),
        ('{"kind": "MigrationPlan", "items": [{}]}', 6),  # of another cluster
        (json.dumps({"kind": "MigrationPlan", "cluster": CLUSTER_ARN, "items": [{}]}), 2),
    ):
        file.write_text(text)
        outcome = irsa.site("migrate", "apply", "--plan", str(file))
        assert (outcome.code, "plan.json" in outcome.stderr) == (code, True), outcome
    assert irsa.stages()[REPORTS] == "old"


def test_a_signed_plan_of_a_migration(irsa: Irsa, tmp_path: Path) -> None:
    file, key = tmp_path / "plan.json", {PLAN_KEY: "of the pipeline"}
    assert irsa.site("migrate", "plan", "--save", str(file), env=key).code == 0
    document = json.loads(file.read_text())
    for forged in (
        {name: value for name, value in document.items() if name != "signature"},
        {**document, "items": [{**document["items"][0], "copyOf": "other"}]},
        {**document, "savedAt": "2027-01-01T00:00:00Z"},
    ):
        other = tmp_path / "forged.json"
        other.write_text(json.dumps(forged))
        outcome = irsa.site("migrate", "apply", "--plan", str(other), "--yes", env=key)
        assert (outcome.code, outcome.stdout) == (6, ""), outcome
        assert "is not signed" in outcome.stderr or "does not match" in outcome.stderr
    assert irsa.stages()[REPORTS] == "old"
    outcome = irsa.site("migrate", "apply", "--plan", str(file), env=key)
    assert outcome.code == 0, outcome
    assert irsa.stages()[REPORTS] == "moved"
