"""The Containerfile's properties, and the objects that run podid in a cluster. No container engine builds the image
here: `python tools/container.py --base ROOT` carries out its steps in a root file system."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import container
import gen_deploy
from harness import Outcome
from podid.kube.writer import SECURE_POD
from worlds import ACCOUNT, CLUSTER_ARN, Site

ROOT = Path(__file__).resolve().parents[2]
BEFORE, STAGES = container.stages(container.CONTAINERFILE.read_text(encoding="utf-8"))
BUILD, FULL, IMAGE = STAGES
PREFIXES = {"v1": "/api/v1", "batch/v1": "/apis/batch/v1"}


def test_the_base_is_an_argument_with_a_digest() -> None:
    assert [item.text for item in BEFORE] == ["BASE"]
    assert [stage.source for stage in STAGES] == ["BASE", "BASE", "scratch"]
    check = BUILD.all("RUN")[0].text
    assert "@sha256:" in check
    assert "exit 1" in check


def test_the_image_runs_podid_as_a_number() -> None:
    user, _, group = IMAGE.one("USER").text.partition(":")
    assert user.isdecimal()
    assert group.isdecimal()
    assert int(user) == int(group) == SECURE_POD["runAsUser"] > 0
    assert json.loads(IMAGE.one("ENTRYPOINT").text) == ["/opt/podid/bin/podid"]
    assert json.loads(IMAGE.one("CMD").text) == ["--help"]
    assert IMAGE.env["HOME"] == "/tmp"
    assert IMAGE.env["PATH"].startswith("/opt/podid/bin:")
    # what is built is copied, and nothing is run in the image
    assert [item.flags for item in IMAGE.all("COPY")] == [{"from": "root"}]
    assert IMAGE.all("RUN") == []


def test_the_image_has_no_package_manager() -> None:
    (removal,) = FULL.all("RUN")
    for name in (
        "/usr/bin/apt*",
        "/usr/bin/dpkg*",
        "/usr/local/bin/pip*",
        "site-packages/pip*",
        "ensurepip",
        "perm /6000",
    ):
        assert name in removal.text
    assert "--without-pip" in BUILD.all("RUN")[1].text
    assert not re.search(r"/var/lib/dpkg(/status)? ", removal.text), "scanners read it"


def test_only_wheels_are_installed_so_that_every_architecture_builds() -> None:
    install = BUILD.all("RUN")[1].text
    assert "--only-binary :all:" in install
    assert "--constraint /build/constraints.txt" in install
    # files that the build copies, and no others, are sent to the builder
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[0] == "!"]
    assert kept == BUILD.one("COPY").words[:-1]


def objects() -> dict[str, list[Any]]:
    files = {name: (gen_deploy.DEPLOY / name).read_text(encoding="utf-8") for name in gen_deploy.generate()}
    assert files == gen_deploy.generate()
    return {name: list(yaml.safe_load_all(text)) for name, text in files.items()}


def apply(site: Site, items: list[Any]) -> None:
    for item in items:
        prefix = PREFIXES.get(item["apiVersion"], f"/apis/{item['apiVersion']}")
        namespace = item["metadata"].get("namespace")
        home = f"{prefix}/namespaces/{namespace}" if namespace else prefix
        site.cluster.post(f"{home}/{item['kind'].lower()}s", item)


def arguments() -> list[str]:
    """The Job's arguments, with the cluster of the sandbox."""
    (job,) = objects()["job.yaml"]
    (only,) = job["spec"]["template"]["spec"]["containers"]
    return [word.replace(gen_deploy.SETTING.cluster_arn, CLUSTER_ARN) for word in only["args"]]


@pytest.mark.encrypted
def test_the_objects_for_the_doctor_are_accepted_and_its_arguments_work(site: Site) -> None:
    site.with_samples()
    made = objects()
    apply(site, [*made["access.yaml"], *made["cronjob.yaml"], *made["job.yaml"]])
    (job,) = objects()["job.yaml"]
    (cron,) = objects()["cronjob.yaml"]
    assert cron["spec"]["jobTemplate"]["spec"] == job["spec"]
    # as in a cluster, without a kubeconfig
    outcome = site(*arguments(), env={"KUBECONFIG": ""})
    assert outcome.code == 3, outcome.stderr
    assert json.loads(outcome.stdout.splitlines()[0])


def run_in_pod(site: Site, name: str, policy: Path, access: list[Any], job: Any, words: list[str]) -> Outcome:
    """The steps of the guides; then the command of a Job with credentials that EKS Auth issued for its pod, through the
    variables that the webhook injects, and nothing else."""
    apply(site, access)
    site.must("role", "create", name, "--for", f"podid/{name}", "--policy-file", str(policy))
    site.must("associate", f"podid/{name}", "--role", name, "--wait", "api")
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    site.aws("eks").create_access_entry(clusterName="demo", principalArn=arn, kubernetesGroups=[name])
    # the pod while it runs: the sandbox's kubelet ends one that is not restarted
    spec = {**job["template"]["spec"], "restartPolicy": "Always"}
    apply(site, [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "podid"}, "spec": spec}])
    site.wait(60)
    command = [sys.executable, "-m", "podid", *words]
    return site("exec", f"podid/{name}", "--yes", "--", *command, env={"KUBECONFIG": ""})


@pytest.mark.encrypted
def test_the_doctor_runs_on_pod_identity_itself(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    site.with_agent().with_samples()
    made, policy = objects(), gen_deploy.DEPLOY / "iam-policy.json"
    outcome = run_in_pod(site, "podid-doctor", policy, made["access.yaml"], made["job.yaml"][0]["spec"], arguments())
    printed = capfd.readouterr()
    assert outcome.code == 3, outcome.stderr + printed.err
    report = json.loads(printed.out)
    assert {item["id"] for item in report["findings"]} >= {"association-sa-not-found"}
    assert report["unknowns"] == []


@pytest.mark.encrypted
def test_reconcile_runs_on_pod_identity_itself(site: Site, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    site.with_agent()
    file, deploy = tmp_path / "shop.yaml", tmp_path / "deploy"
    file.write_text(container.DECLARATION)
    deploy.mkdir()
    site.must("reconcile", "-f", str(file), "--apply", "--manifests", "--write", str(deploy))
    items = list(yaml.safe_load_all((deploy / "manifests.yaml").read_text()))
    (cron,) = (item for item in items if item["kind"] == "CronJob")
    access = [item for item in items if item["kind"] not in ("CronJob", "Deployment")]
    spec = cron["spec"]["jobTemplate"]["spec"]
    (only,) = spec["template"]["spec"]["containers"]
    words = [f"--file={file}" if word.startswith("--file=") else word for word in only["args"]]
    # in a pod, podid takes the Lease of the pod's namespace
    words.append("--lease=podid")
    outcome = run_in_pod(site, cron["metadata"]["name"], deploy / "iam-policy.json", access, spec, words)
    printed = capfd.readouterr()
    assert outcome.code == 0, outcome.stderr + printed.err
    assert json.loads(printed.out.splitlines()[-1])["state"] == "applied"
    (made,) = site.aws("eks").list_pod_identity_associations(clusterName="demo", namespace="shop")["associations"]
    assert made["serviceAccount"] == "orders"


def test_the_doctor_in_the_cluster_only_reads() -> None:
    made = objects()
    rules = [rule for item in made["access.yaml"] for rule in item.get("rules", [])]
    assert {verb for rule in rules for verb in rule["verbs"]} <= {"get", "list"}
    assert not {"secrets", "serviceaccounts/token"} & {name for rule in rules for name in rule["resources"]}
    (policy,) = made["iam-policy.json"]
    actions = [action for item in policy["Statement"] for action in item["Action"]]
    assert actions
    assert [name for name in actions if not re.search(r":(Get|List|Describe|Simulate)", name)] == []


@pytest.mark.parametrize("name", ["job.yaml", "cronjob.yaml"])
def test_pods_in_the_cluster_are_restricted(name: str) -> None:
    """As the Pod Security Standard "restricted" requires, with the image's user and a read-only root."""
    (item,) = objects()[name]
    spec = item["spec"].get("jobTemplate", {"spec": item["spec"]})["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert f"{spec['securityContext']['runAsUser']}" == IMAGE.one("USER").text.partition(":")[0]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (only,) = spec["containers"]
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [volume["name"] for volume in spec["volumes"]] == ["tmp"]
