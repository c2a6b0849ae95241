"""podid reconcile: options, consent, and manifests with exactly the permissions of the files."""

import json
from pathlib import Path
from typing import Any

import kubernetes.client
import pytest
import yaml

from harness import Outcome
from permissions_support import limited
from worlds import Site


def test_deleting_needs_consent_at_the_start(account: Site) -> None:
    outcome = account("reconcile", "-f", "shop.yaml", "--apply", "--prune", "--once")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "--yes" in outcome.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--listen x -f shop.yaml", "is not [HOST]:PORT"),
        ("--lease a/b -f shop.yaml", "is not a namespace name"),
        ("--lease shop", "-f"),
    ],
)
def test_an_invalid_value_and_a_missing_file_are_refused(account: Site, line: str, words: str) -> None:
    outcome = account("reconcile", *line.split())
    assert (outcome.code, outcome.stdout) == (2, "")
    assert words in outcome.stderr


def test_the_manifests_are_accepted_and_the_policy_has_no_comment(site: Site, file: Path) -> None:
    directory = site.directory / "out"
    directory.mkdir()
    site.must("reconcile", "-f", str(file), "--apply", "--manifests", "--write", str(directory))
    policy = json.loads((directory / "iam-policy.json").read_text())
    actions = policy["Statement"][0]["Action"]
    assert "eks:CreatePodIdentityAssociation" in actions
    assert "eks:DeletePodIdentityAssociation" not in actions
    text = (directory / "manifests.yaml").read_text()
    assert "&id" not in text
    documents = list(yaml.safe_load_all(text))
    kinds = {document["kind"] for document in documents}
    assert {"ServiceAccount", "ConfigMap", "Deployment", "CronJob", "Role", "RoleBinding", "ClusterRole"} <= kinds
    prefixes = {"v1": "/api/v1", "apps/v1": "/apis/apps/v1", "batch/v1": "/apis/batch/v1"}
    for document in documents:
        prefix = prefixes.get(document["apiVersion"], f"/apis/{document['apiVersion']}")
        namespace = document["metadata"].get("namespace", "")
        home = f"{prefix}/namespaces/{namespace}" if namespace else prefix
        site.cluster.post(f"{home}/{document['kind'].lower()}s", document)


def manifests(site: Site, *argv: str) -> dict[str, Any]:
    """Return the document of --manifests, whose objects the models of the Kubernetes API accept."""
    document: dict[str, Any] = site.must("reconcile", *argv, "--manifests", "-o", "json").json
    for item in document["manifests"]:
        group = "Rbac" if item["apiVersion"].startswith("rbac") and item["kind"] == "Subject" else ""
        # they refuse unknown members, wrong types and missing members
        getattr(kubernetes.client, f"V1{group}{item['kind']}").model_validate(item)
    return document


def run_as_it_is(site: Site, document: dict[str, Any], kind: str) -> Outcome:
    """Run the container of a manifest with its arguments, its files and exactly its permissions."""
    (workload,) = (item for item in document["manifests"] if item["kind"] == kind)
    template = workload["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else workload["spec"]
    pod = template["template"]["spec"]
    (container,) = pod["containers"]
    (files,) = (item["data"] for item in document["manifests"] if item["kind"] == "ConfigMap")
    mounted = site.directory / f"mounted-{kind}"
    mounted.mkdir(exist_ok=True)
    for name, text in files.items():
        (mounted / name).write_text(text)
    argv = [word.replace("=/etc/podid", f"={mounted}") for word in container["args"]]
    argv += [] if kind == "CronJob" else ["--once", "--lease=podid"]
    roles = [dict(item) for item in document["manifests"] if item["kind"] in ("Role", "ClusterRole")]
    run = f"run-{len(list(site.directory.iterdir()))}"
    for item in roles:
        item["metadata"] = {**item["metadata"], "name": f"{item['metadata']['name']}-{run}"}
    env = limited(site.box, site.directory, document["iamPolicy"], roles, name=run)
    return site(*(word for word in argv if not word.startswith(("--listen", "--interval"))), env=env)


@pytest.mark.parametrize("kind", ["CronJob", "Deployment"])
def test_a_manifest_runs_with_exactly_its_permissions(site: Site, kind: str) -> None:
    directory = site.directory / "identities"
    directory.mkdir()
    (site.directory / "read.json").write_text(
        json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}})
    )
    role = {"name": "${TEAM}-web", "policies": [{"file": "../read.json"}, {"managed": "AmazonS3ReadOnlyAccess"}]}
    links = [
        {"serviceAccount": "shop/new", "role": "${TEAM}-web", "createServiceAccount": True},
        {"serviceAccount": "shop/o*", "role": "${TEAM}-web"},
    ]
    file = directory / "shop.json"
    head = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "shop"}}
    file.write_text(json.dumps({**head, "roles": [role], "associations": links}))
    document = manifests(site, "-f", str(directory), "--var", "TEAM=one", "--apply", "--prune", "--yes")
    done = run_as_it_is(site, document, kind)
    assert (done.code, done.stderr) == (0, ""), done
    assert (json.loads(done.stdout)["state"], json.loads(done.stdout)["notRead"]) == ("applied", 0)
    again = run_as_it_is(site, document, kind)
    assert json.loads(again.stdout)["state"] == "in-sync", again
    # with --prune too
    file.write_text(json.dumps(head))
    document = manifests(site, "-f", str(directory), "--apply", "--prune", "--yes")
    assert json.loads(run_as_it_is(site, document, kind).stdout)["state"] == "applied"
    assert site("role", "show", "one-web").code == 5


def test_the_permissions_are_those_of_the_files(site: Site, file: Path) -> None:
    """A file of associations creates no role, and one without an agent changes no add-on."""
    links = site.directory / "links.yaml"
    head = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "links"}}
    links.write_text(json.dumps({**head, "associations": [{"serviceAccount": "shop/cart", "role": "storefront"}]}))
    document = manifests(site, "-f", str(links), "--apply")
    actions = {action for item in document["iamPolicy"]["Statement"] for action in listed(item["Action"])}
    changing = {name for name in actions if not name.partition(":")[2].startswith(("Get", "List", "Describe"))}
    assert "iam:GetRolePolicy" not in actions
    assert changing == {
        "eks:CreatePodIdentityAssociation",
        "eks:UpdatePodIdentityAssociation",
        "eks:TagResource",
        "eks:UntagResource",
        "iam:PassRole",
    }
    rules = [rule for item in document["manifests"] if item["kind"] == "ClusterRole" for rule in item["rules"]]
    assert {resource for rule in rules for resource in rule["resources"]} == {"podidentityassociations", "roles"}
    outcome = run_as_it_is(site, document, "CronJob")
    assert json.loads(outcome.stdout)["state"] == "applied", outcome
    drift = manifests(site, "-f", str(file))
    assert not [name for name in drift["iamPolicy"]["Statement"][0]["Action"] if "Create" in name or "Put" in name]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_permissions_that_give_identities_are_in_no_manifest(site: Site, file: Path) -> None:
    outcome = site.must("reconcile", "-f", str(file), "--apply", "--prune", "--yes", "--manifests", "-o", "json")
    rules = [rule for item in outcome.json["manifests"] if "rules" in item for rule in item["rules"]]
    for rule in rules:
        assert not {"create", "patch"} & set(rule["verbs"]) or not {"pods", "serviceaccounts/token"} & set(
            rule["resources"]
        )
    assert "eks:DeletePodIdentityAssociation" in outcome.json["iamPolicy"]["Statement"][0]["Action"]


def test_an_interval_without_a_schedule_has_only_a_deployment(site: Site, file: Path) -> None:
    outcome = site.must("reconcile", "-f", str(file), "--interval", "90m", "--manifests")
    assert ("kind: Deployment" in outcome.stdout, "kind: CronJob" in outcome.stdout) == (True, False)
    assert "no schedule has the interval 5400s; a CronJob requires 1d, or a number of minutes (1, 2," in outcome.stderr
