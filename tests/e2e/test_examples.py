"""The files of docs/examples: their commands run, and their objects are accepted."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from worlds import Site

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
FILE = """
apiVersion: podid/v1
kind: PodIdentity
metadata: {name: shop}
roles: [{name: web, policies: [{managed: AmazonS3ReadOnlyAccess}]}]
associations: [{serviceAccount: shop/cart, role: web}]
"""


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((EXAMPLES / name).read_text(encoding="utf-8")))


def run(site: Site, script: str, directory: Path, **more: str) -> str:
    """Run a step as a runner does, with `podid` and a stub of `gh` on the PATH."""
    tools = directory / "bin"
    tools.mkdir(exist_ok=True)
    podid = tools / "podid"
    podid.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m podid "$@"\n')
    gh = tools / "gh"
    gh.write_text('#!/bin/sh\necho "gh $*"\ncat comment.md\n')
    for tool in (podid, gh):
        tool.chmod(0o755)
    env = {**site.env, "PATH": f"{tools}:{os.environ['PATH']}", "CI": "true", "PODID_CLUSTER": "demo", **more}
    done = subprocess.run(
        ["sh", "-e", "-c", script], cwd=directory, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, (script, done.stdout, done.stderr)
    return done.stdout


def declared(tmp_path: Path) -> Path:
    (tmp_path / "identities").mkdir()
    (tmp_path / "identities" / "shop.yaml").write_text(FILE)
    return tmp_path


def test_github_actions(site: Site, tmp_path: Path) -> None:
    (workflow,) = documents("github-actions.yaml")
    steps = {step["name"]: step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "name" in step}
    assert not [script for script in steps.values() if "${{" in script]
    directory = declared(tmp_path)
    comment = run(site, steps["Plan"], directory, NUMBER="7", GH_TOKEN="t")
    assert "gh pr comment 7 --body-file comment.md" in comment
    assert "web" in comment
    run(site, steps["Apply"], directory)
    assert "no changes" in run(site, steps["Plan"], directory, NUMBER="7", GH_TOKEN="t")


def test_gitlab(site: Site, tmp_path: Path) -> None:
    (pipeline,) = documents("gitlab-ci.yaml")
    directory = declared(tmp_path)
    for job in ("plan", "apply"):
        run(site, "\n".join(pipeline[job]["script"]), directory)
    assert site.must("plan", "-f", str(directory / "identities"), "-o", "json").json["unchanged"] == 2


def test_argo_cd(site: Site, tmp_path: Path) -> None:
    (job,) = documents("argocd-hook.yaml")
    directory = declared(tmp_path)
    site.must(*(word.replace("/etc/podid", str(directory / "identities")) for word in containers(job)[0]["args"]))
    site.cluster.make_namespace("podid")
    site.cluster.post("/apis/batch/v1/namespaces/podid/jobs", job)


def test_flux() -> None:
    first, second = documents("flux-kustomization.yaml")
    assert second["spec"]["dependsOn"] == [{"name": first["metadata"]["name"]}]
    assert {first["spec"]["sourceRef"]["kind"], second["spec"]["sourceRef"]["kind"]} == {"GitRepository"}


def containers(job: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = job["spec"]["template"]["spec"]["containers"]
    return listed
