"""The Containerfile's properties, and the objects that run podid in a cluster. No container engine builds the image
here: `python tools/container.py --base ROOT` carries out its steps in a root file system."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import container
import gen_deploy
from podid.ops.declare import manifests
from worlds import CLUSTER_ARN, Site

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
    assert int(user) == int(group) == manifests._USER > 0
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


@pytest.mark.encrypted
def test_the_objects_for_the_doctor_are_accepted_and_its_arguments_work(site: Site) -> None:
    site.with_samples()
    documents = [item for name, items in objects().items() if name.endswith(".yaml") for item in items]
    for item in documents:
        prefix = PREFIXES.get(item["apiVersion"], f"/apis/{item['apiVersion']}")
        namespace = item["metadata"].get("namespace")
        home = f"{prefix}/namespaces/{namespace}" if namespace else prefix
        site.cluster.post(f"{home}/{item['kind'].lower()}s", item)
    (job,) = objects()["job.yaml"]
    (cron,) = objects()["cronjob.yaml"]
    assert cron["spec"]["jobTemplate"]["spec"] == job["spec"]
    (container_,) = job["spec"]["template"]["spec"]["containers"]
    words = [word.replace(gen_deploy.SETTING.cluster_arn, CLUSTER_ARN) for word in container_["args"]]
    # as in a cluster, without a kubeconfig
    outcome = site(*words, env={"KUBECONFIG": ""})
    assert outcome.code == 3, outcome.stderr
    assert json.loads(outcome.stdout.splitlines()[0])


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
