"""podid audit on the sandbox: seeded keys that are found and printed nowhere, permissions taken away, baselines."""

import base64
import json
from pathlib import Path

import pytest

from harness import one_in
from podid.render.formats import Format, Report
from podid.sandbox.baseline import NODE_ROLE
from podid.sandbox.breaks.table import AUDITED
from podid.sandbox.faults import Fault
from worlds import ACCOUNT, Site

PLACES = ("pod", "configmap", "secret")
IDS = {place: f"AKIA{place.upper():Z<12}QZ{n}7" for n, place in enumerate(PLACES)}
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzzz"


@pytest.fixture
def seeded(healthy: Site) -> Site:
    text = f"aws_access_key_id={IDS['configmap']} aws_secret_access_key={SECRET}"
    metadata = {"metadata": {"name": "seeded"}}
    healthy.cluster.post("/api/v1/namespaces/shop/configmaps", {**metadata, "data": {"config": text}})
    encoded = base64.b64encode(f"{IDS['secret']}:{SECRET}".encode()).decode()
    healthy.cluster.post("/api/v1/namespaces/shop/secrets", {**metadata, "data": {"key": encoded}})
    env = [{"name": "ACCESS", "value": IDS["pod"]}, {"name": "SECRET", "value": SECRET}]
    app = {"name": "app", "image": "example/app:1"}
    pod = {"containers": [app], "initContainers": [{**app, "name": "setup", "env": env}]}
    healthy.cluster.make_workload("Deployment", "shop", "seeded", "default", pod=pod)
    healthy.wait(60)
    return healthy


def keys_found(site: Site, *options: str) -> set[tuple[str, str]]:
    outcome = site("audit", "--check", "access-keys-in-cluster", *options, "-o", "json")
    assert outcome.code == 0, outcome
    return {(item["subject"]["kind"], line[-30:]) for item in outcome.json["findings"] for line in item["evidence"]}


def test_seeded_keys_are_found(seeded: Site) -> None:
    endings = {place: f"{number[-4:]}, account 999988887777" for place, number in IDS.items()}
    kinds = {"Deployment": "pod", "ConfigMap": "configmap", "Secret": "secret"}
    for options, expected in (((), {"Deployment", "ConfigMap"}), (("--secrets",), {*kinds})):
        found = keys_found(seeded, *options)
        assert {kind for kind, _ in found} == expected
        assert all(line.endswith(endings[kinds[kind]][-30:]) for kind, line in found)


def test_the_account_of_a_key_needs_a_permission(seeded: Site) -> None:
    seeded.box.world.credentials.deny("sts:GetAccessKeyInfo")
    assert {line[-17:] for _, line in keys_found(seeded)} == {"account not known"}


@pytest.mark.parametrize("form", [*Format, *Report])
def test_no_key_is_printed(seeded: Site, form: Format | Report, tmp_path: Path) -> None:
    printed = ""
    for argv in (("audit", "--secrets", "--all", "-v"), ("audit", "--secrets", "-n", "shop")):
        outcome = seeded(*argv, "-o", form)
        printed += outcome.stdout + outcome.stderr
    assert not [number for number in (*IDS.values(), SECRET) if number in printed]


@pytest.mark.parametrize("form", one_in(5, ["sarif", "junit", "markdown", "html", "github"]))
def test_reports_name_the_command(healthy: Site, form: str) -> None:
    """Code scanning replaces the results of an earlier upload of the same category."""
    for command in ("doctor", "audit"):
        words = f"podid/{command}/demo/" if form == "sarif" else f"podid {command}"
        assert words in healthy(command, "-o", form).stdout


@pytest.mark.parametrize(
    "fault", one_in(2, [Fault("reset", operation="GetAccessKeyInfo"), Fault("fail", operation="GetAccessKeyInfo")])
)
def test_no_key_is_printed_if_sts_fails(seeded: Site, fault: Fault) -> None:
    seeded.box.faults.add(fault)
    outcome = seeded("audit", "--secrets", "--all", "-v", "--timeout", "1")
    assert "account not known" in outcome.stdout
    assert not [number for number in (*IDS.values(), SECRET) if number in outcome.stdout + outcome.stderr]


def test_no_key_is_saved(seeded: Site, tmp_path: Path) -> None:
    """Not in snapshots, bundles or the journal."""
    journal = ("--journal-dir", str(tmp_path / "journal"))
    reports = [tmp_path / f"report.{ending}" for ending in ("json", "sarif", "xml", "md", "html")]
    for argv in (
        ("doctor", "--save", str(tmp_path / "snapshot.json")),
        ("bundle", str(tmp_path / "bundle.tar.gz"), "--yes"),
        ("audit", "--secrets", "-o", "html"),
        ("audit", "--secrets", *(word for file in reports for word in ("--report", str(file)))),
        ("associate", "shop/cart", "--role", "storefront", "--wait", "none", *journal),
    ):
        assert seeded(*argv).code in (0, 3, 8), argv
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) >= 9
    for file in files:
        data = file.read_bytes()
        if file.suffix == ".gz":
            import gzip

            data = gzip.decompress(data)
        assert not [number for number in (*IDS.values(), SECRET) if number.encode() in data], file


def test_secrets_are_read_on_request_only(seeded: Site) -> None:
    seeded.kube.deny("kubernetes-admin", "list", "secrets")
    assert {kind for kind, _ in keys_found(seeded)} == {"Deployment", "ConfigMap"}
    (unknown,) = seeded("audit", "--secrets", "-o", "json").json["unknowns"]
    assert (unknown["id"], unknown["permission"]) == ("access-keys-in-cluster", "list secrets (cluster-wide)")


def test_a_baseline_accepts_findings(healthy: Site, tmp_path: Path) -> None:
    mode = sorted(AUDITED)[0]
    subject = healthy.box.failures.put(mode)
    entry = {"id": mode, "reason": "known"}
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps({"accepted": [entry]}))
    outcome = healthy("audit", "--baseline", str(file), "--fail-on", "info", "-o", "json")
    assert (outcome.code, outcome.json["findings"]) == (0, []), subject
    assert {item["id"] for item in outcome.json["accepted"]} == {mode}
    assert healthy("audit", "--fail-on", "info", "-o", "json").code == 3


def test_a_html_report_is_for_one_cluster(healthy: Site) -> None:
    outcome = healthy("audit", "--cluster", "demo", "--cluster", "blue", "-o", "html")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "-o html cannot be used with several clusters" in outcome.stderr


def test_access_entries_are_ways_to_an_identity(healthy: Site) -> None:
    entry = {"clusterName": "demo", "principalArn": f"arn:aws:iam::{ACCOUNT}:role/storefront"}
    healthy.aws("eks").create_access_entry(**entry)
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
    scope = {"type": "namespace", "namespaces": ["shop"]}
    healthy.aws("eks").associate_access_policy(**entry, policyArn=policy, accessScope=scope)
    (finding,) = healthy("audit", "--check", "identity-open-to-others", "-o", "json").json["findings"]
    assert finding["subject"] == {"kind": "Namespace", "namespace": None, "name": "shop"}
    assert finding["evidence"] == [
        "IAM role storefront can create pods and run commands in pods: AmazonEKSEditPolicy by access entry"
    ]
    healthy.box.world.credentials.deny("eks:ListAssociatedAccessPolicies")
    outcome = healthy("audit", "--check", "identity-open-to-others", "-o", "json")
    (unknown,) = outcome.json["unknowns"]
    assert (outcome.json["findings"], unknown["permission"]) == ([], "eks:ListAssociatedAccessPolicies")


def test_a_probe_shows_that_pods_get_credentials_of_the_nodes(healthy: Site) -> None:
    refused = healthy("audit", "--probe", "-o", "json")
    assert (refused.code, refused.stdout, healthy.cluster.items("/apis/batch/v1/jobs")) == (2, "", [])
    probe = ("audit", "--probe", "--yes", "--check", "imds-open-to-pods", "--all", "-o", "json")
    assert healthy.must(*probe).json["findings"] == []
    subject = healthy.box.failures.put("imds-open-to-pods")
    (finding,) = healthy.must(*probe).json["findings"]
    assert (finding["subject"]["name"], finding["severity"]) == (subject, "warn")
    assert [line for line in finding["evidence"] if line.endswith(f"got credentials of role {NODE_ROLE}")]
    healthy.wait(5)
    assert healthy.cluster.items("/apis/batch/v1/jobs") == []
    assert not [pod for pod in healthy.cluster.pods("default") if "probe" in pod["metadata"]["name"]]
    (last, _) = healthy.must("history", "-o", "json").json["items"]
    assert [(step["kind"], step["status"]) for step in last["actions"]] == [("probe", "done")]
    healthy.kube.deny("kubernetes-admin", "create", "jobs.batch")
    (finding,) = healthy.must(*probe).json["findings"]
    assert [line for line in finding["evidence"] if line.startswith("not probed: its Job could not be created")]
