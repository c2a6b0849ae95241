"""The files of docs/guides/gitops.md, run: each script of the pipelines and each command of the manifests, by a shell,
against a sandbox. Programs of others (pip, gh) are stand-ins that write down how they were called."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import Outcome
from podid.version import VERSION
from worlds import ACCOUNT, Site

ROOT = Path(__file__).resolve().parent.parent.parent
BLOCK = re.compile(r"<!-- file: (\S+) -->\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PODID = """#!/bin/bash
env -0 > "$PIPES/env"
printf '%s\\0' "$PWD" "$@" > "$PIPES/request"
code=$(cat "$PIPES/answer")
cat "$PIPES/stdout"
cat "$PIPES/stderr" >&2
exit "$code"
"""
STAND_IN = '#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLS"\n'


@pytest.fixture
def files(tmp_path: Path) -> dict[str, list[Any]]:
    """The files of the guide, written to a directory: name -> documents."""
    documents = {}
    text = (ROOT / "docs" / "guides" / "gitops.md").read_text(encoding="utf-8")
    for name, body in BLOCK.findall(text):
        path = tmp_path / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
        documents[name] = list(yaml.safe_load_all(body))
    return documents


class Shell:
    """Runs scripts as a job does. Their podid is a program that passes its words to podid in this process."""

    def __init__(self, site: Site, directory: Path) -> None:
        self.site, self.work, self.calls = site, directory / "repository", directory / "calls"
        self.pipes, programs = directory / "pipes", directory / "bin"
        for folder in (programs, self.pipes):
            folder.mkdir()
        for name, text in (("pip", STAND_IN), ("gh", STAND_IN), ("podid", PODID)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        for name in ("request", "answer"):
            os.mkfifo(self.pipes / name)
        path = f"{programs}:{os.environ['PATH']}"
        self.env = {**site.env, "PATH": path, "CALLS": str(self.calls), "PIPES": str(self.pipes), "CI": "true"}

    def _answer(self) -> None:
        """Run podid for each request, until an empty one."""
        while request := (self.pipes / "request").read_text():
            directory, *argv = request.split("\0")[:-1]
            lines = (self.pipes / "env").read_text().split("\0")
            outcome = Outcome(99, "", "podid has raised an error")
            try:
                with chdir(directory):
                    outcome = self.site(*argv, env=dict(line.split("=", 1) for line in lines if line))
            finally:
                (self.pipes / "stdout").write_text(outcome.stdout)
                (self.pipes / "stderr").write_text(outcome.stderr)
                (self.pipes / "answer").write_text(str(outcome.code))

    def __call__(self, script: str, **env: str) -> int:
        # manifests of Flux are beside the declarations; a checkout of the pipelines has none
        for name in ("kustomization.yaml", "job.yaml"):
            (self.work / "identities" / name).unlink(missing_ok=True)
        with ThreadPoolExecutor() as threads:
            answering = threads.submit(self._answer)
            try:
                ran = subprocess.run(
                    ["bash", "-eo", "pipefail", "-c", script],
                    cwd=self.work,
                    env={**self.env, **env},
                    capture_output=True,
                    text=True,
                    timeout=120,
                )
            finally:
                (self.pipes / "request").write_text("")
            answering.result()
        self.output = ran.stdout + ran.stderr
        return ran.returncode


@pytest.fixture
def shell(site: Site, tmp_path: Path) -> Shell:
    return Shell(site.with_agent(), tmp_path)


def associated(site: Site) -> list[str]:
    eks = site.aws("eks")
    listed = eks.list_pod_identity_associations(clusterName="demo")["associations"]
    return sorted(f"{item['namespace']}/{item['serviceAccount']}" for item in listed)


def steps(job: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    for step in job["steps"]:
        if "run" in step:
            values = {key: re.sub(r"\$\{\{.*?\}\}", "7", value) for key, value in step.get("env", {}).items()}
            yield step["run"], values


def test_github_shows_the_plan_and_applies_it(site: Site, shell: Shell, files: dict[str, list[Any]]) -> None:
    (workflow,) = files[".github/workflows/podid.yml"]
    assert workflow["permissions"] == {}
    assert workflow["env"]["PODID_EXPECT_ACCOUNT"] == ACCOUNT
    jobs = workflow["jobs"]

    def run(job: str) -> None:
        for script, values in steps(jobs[job]):
            assert shell(script, **values, **workflow["env"]) == 0, shell.output

    run("plan")
    comment = (shell.work / "comment.md").read_text()
    assert "create role shop-orders" in comment
    assert (comment.startswith("```\n"), comment.endswith("```\n")) == (True, True)
    assert associated(site) == []
    run("apply")
    assert associated(site) == ["shop/orders"]
    run("plan")
    assert "no changes" in (shell.work / "comment.md").read_text()
    assert "gh pr comment 7 --body-file comment.md --edit-last --create-if-none" in shell.calls.read_text()


def test_github_fails_for_a_conflict_and_a_mistake(site: Site, shell: Shell, files: dict[str, list[Any]]) -> None:
    (workflow,) = files[".github/workflows/podid.yml"]
    *_, (script, values) = steps(workflow["jobs"]["plan"])
    site.associate("shop", "orders")
    assert shell(script, **values, **workflow["env"]) == 6
    assert "shop/orders" in (shell.work / "comment.md").read_text()
    (shell.work / "identities" / "shop.yaml").write_text("apiVersion: podid/v1\nkind: PodIdentity\n")
    assert shell(script, **values, **workflow["env"]) == 2
    assert "metadata" in (shell.work / "comment.md").read_text()


def test_gitlab_saves_the_plan_and_applies_it(
    site: Site, shell: Shell, files: dict[str, list[Any]], tmp_path: Path
) -> None:
    (pipeline,) = files[".gitlab-ci.yml"]
    base = pipeline[".podid"]
    # the sandbox has keys instead of the token's role
    names = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN")
    token = str(tmp_path / "token")

    def run(job: str) -> int:
        variables = {**base["variables"], **pipeline[job]["variables"]}
        assert set(names) <= variables.keys()
        for name in names:
            del variables[name]
        assert shell(base["before_script"][0], AWS_TOKEN="t", AWS_WEB_IDENTITY_TOKEN_FILE=token) == 0
        assert Path(token).read_text() == "t"
        return shell("\n".join(pipeline[job]["script"]), **variables)

    assert run("plan") in pipeline["plan"]["allow_failure"]["exit_codes"], shell.output
    assert run("apply") == 0, shell.output
    assert associated(site) == ["shop/orders"]
    assert run("apply") == 6  # the plan is over
    assert pipeline["plan"]["artifacts"]["paths"] == ["plan.json"]


@pytest.mark.parametrize("name", ["argocd/job.yaml", "identities/job.yaml"])
def test_the_job_in_the_cluster_applies_the_file(
    site: Site, shell: Shell, files: dict[str, list[Any]], name: str
) -> None:
    (job,) = files[name]
    site.cluster.post("/apis/batch/v1/namespaces/shop/jobs", {**job, "metadata": {"name": "podid-apply"}})
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (mount,) = container["volumeMounts"]
    assert (container["image"], mount["mountPath"]) == (f"ghcr.io/podid/podid:{VERSION}", "/identities")
    script = shlex.join(["podid", *container["args"]])  # the entry point of the image
    assert shell(script.replace("/identities", str(shell.work / "identities"))) == 0, shell.output
    assert associated(site) == ["shop/orders"]


def test_flux_waits_for_the_identities(files: dict[str, list[Any]]) -> None:
    identities, shop = files["flux.yaml"]
    assert shop["spec"]["dependsOn"] == [{"name": identities["metadata"]["name"]}]
    (kustomization,) = files["identities/kustomization.yaml"]
    (job,) = files["identities/job.yaml"]
    (volume,) = job["spec"]["template"]["spec"]["volumes"]
    (generated,) = kustomization["configMapGenerator"]
    assert volume["configMap"]["name"] == generated["name"]
    for name in (*generated["files"], *kustomization["resources"]):
        assert f"identities/{name}" in files


def test_argo_cd_runs_the_job_between_the_files_and_the_workloads(files: dict[str, list[Any]]) -> None:
    (kustomization,), (job,) = files["argocd/kustomization.yaml"], files["argocd/job.yaml"]
    (generated,) = kustomization["configMapGenerator"]
    (volume,) = job["spec"]["template"]["spec"]["volumes"]
    assert volume["configMap"]["name"] == generated["name"]
    annotations = job["metadata"]["annotations"]
    # a hook of another phase does not wait for the ConfigMap
    assert annotations["argocd.argoproj.io/hook"] == "Sync"
    wave = "argocd.argoproj.io/sync-wave"
    assert int(generated["options"]["annotations"][wave]) < int(annotations[wave]) < 0
