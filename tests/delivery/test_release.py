"""The workflows, and what a release is made with. What needs GitHub, a registry or a container engine is not run."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from email.message import Message
from importlib.metadata import Distribution, version
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
import yaml
from jsonschema import Draft7Validator
from packaging.utils import canonicalize_name

import binary
import build_dist
import build_site
import closure
import homebrew
import links
import release_notes
import sbom

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in (ROOT / ".github/workflows").glob("*.yml")}
JOBS = WORKFLOWS["release"]["jobs"]
READS = {"contents": "read"}
# nothing else may be written by a job
PERMISSIONS = {
    "build": READS,
    "binary": READS,
    "plugin": READS,
    "image": {**READS, "packages": "write"},
    "index": {"packages": "write", "id-token": "write", "attestations": "write"},
    "attest": {"id-token": "write", "attestations": "write"},
    "publish": {"id-token": "write"},
    "release": {"contents": "write"},
}
VERSION = binary.version()


def steps(workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in workflow["jobs"].items():
        for step in job["steps"]:
            yield name, step


# --- the workflows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_the_published_form(name: str) -> None:
    schema = json.loads((SCHEMAS / "github-workflows.json").read_text(encoding="utf-8"))
    # YAML reads the key `on` as true
    workflow = {"on" if key is True else key: value for key, value in WORKFLOWS[name].items()}
    assert [error.message for error in Draft7Validator(schema).iter_errors(workflow)] == []
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 40
        assert set(job.get("needs", [])) <= workflow["jobs"].keys()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_scripts_of_a_workflow_are_sound(name: str, tmp_path: Path) -> None:
    scripts = []
    for number, (_, step) in enumerate(steps(WORKFLOWS[name])):
        if "run" in step:
            assert "${{" not in step["run"], "an expression would be part of the script"
            for word in step.get("env", {}):
                assert (
                    word == "GH_REPO" or word == "GH_TOKEN" or f"${word}" in step["run"] or f"${{{word}" in step["run"]
                )
            declared = "".join(f"export {word}=x\n" for word in step.get("env", {}))
            scripts.append(tmp_path / f"{number}.sh")
            scripts[-1].write_text(f"#!/bin/bash\n{declared}{step['run']}\n")
    program = Path(sys.executable).parent / "shellcheck"
    ran = subprocess.run([program, *scripts], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_the_site_is_built_before_it_is_published() -> None:
    jobs = WORKFLOWS["docs"]["jobs"]
    assert {name: job["permissions"] for name, job in jobs.items()} == {
        "build": READS,
        "deploy": {"pages": "write", "id-token": "write"},
    }
    assert [step.get("uses", "").partition("@")[0] for step in jobs["deploy"]["steps"]] == ["actions/deploy-pages"]
    assert jobs["deploy"]["needs"] == ["build"]
    (folder,) = (step["with"]["path"] for _, step in steps(WORKFLOWS["docs"]) if "pages-artifact" in str(step))
    assert build_site.site_of(build_site.FOLDER) == ROOT / folder


def test_a_job_that_publishes_runs_no_code_of_the_repository() -> None:
    assert {name: job["permissions"] for name, job in JOBS.items()} == PERMISSIONS
    for name, step in steps(WORKFLOWS["release"]):
        writes = "write" in PERMISSIONS[name].values()
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}
            assert not writes or name == "image"  # which needs the Containerfile
        if writes:
            assert not re.search(r"\b(python|make|pip)\b[^:]", step.get("run", "").replace("python:3.13-slim", ""))
    assert [name for name, job in JOBS.items() if "environment" in job] == ["publish"]
    (publishing,) = (step for name, step in steps(WORKFLOWS["release"]) if "pypi-publish" in step.get("uses", ""))
    assert publishing["with"] == {"attestations": True}
    # what cannot be taken back comes after all that can fail
    assert set(JOBS["publish"]["needs"]) >= {"build", "binary", "attest", "index"}
    assert "publish" in JOBS["release"]["needs"]


def test_artifacts_are_uploaded_before_they_are_downloaded() -> None:
    uploaded = {step["with"]["name"]: name for name, step in steps(WORKFLOWS["release"]) if _does(step, "upload")}
    assert {"dist", "extra", "notes", "plugin"} <= uploaded.keys()
    for name, step in steps(WORKFLOWS["release"]):
        if _does(step, "download"):
            pattern = step["with"].get("name") or step["with"]["pattern"]
            for part in pattern.strip("{}").split(","):
                makers = [job for artifact, job in uploaded.items() if re.match(part.replace("*", ""), artifact)]
                assert makers
                assert set(makers) <= set(_before(name)), f"{name} downloads {part}"


def _does(step: dict[str, Any], act: str) -> bool:
    return str(step.get("uses", "")).startswith(f"actions/{act}-artifact@")


def _before(job: str) -> Iterator[str]:
    for name in JOBS[job].get("needs", []):
        yield name
        yield from _before(name)


def test_the_binaries_are_those_that_krew_knows() -> None:
    runners = JOBS["binary"]["strategy"]["matrix"]["runner"]
    assert {re.sub(r"[\d.-]+", " ", name).strip() for name in runners} == {
        "ubuntu",
        "ubuntu arm",
        "macos",
        "macos intel",
    }


def test_the_tools_of_the_workflow_are_in_the_repository() -> None:
    scripts = "\n".join(step.get("run", "") for _, step in steps(WORKFLOWS["release"]))
    tools = set(re.findall(r"tools/\w+\.py", scripts))
    assert tools == {f"tools/{name}.py" for name in ("release_notes", "build_dist", "sbom", "homebrew", "krew")}
    assert all((ROOT / tool).is_file() for tool in tools)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"\n{target}: " in makefile for target in re.findall(r"^make (\w+)", scripts, re.MULTILINE))


def test_examples_name_the_version() -> None:
    """Of the action, the template, the hooks and the image: what a user copies."""
    pattern = re.compile(r"podid/podid(?:@v|:|/v)(\d[\w.]*)|rev: v(\d[\w.]*)|[ {]version: (\d[\w.]*)")
    paths = [
        *(ROOT / "docs" / "guides").glob("*.md"),
        *(ROOT / "ci").rglob("*.yml"),
        *(ROOT / "deploy").rglob("*.yaml"),
    ]
    named = {
        (path.name, number)
        for path in paths
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
        for number in match.groups()
        if number
    }
    assert {name for name, _ in named} >= {"ci.md", "gitops.md", "podid.gitlab-ci.yml", "job.yaml", "cronjob.yaml"}
    assert {number.rstrip(".") for _, number in named} == {VERSION}


# --- notes ------------------------------------------------------------------------------------------------------------

CHANGELOG = f"""# Changelog

## [Unreleased]

## [{VERSION}] - 2026-12-01

### Added

- `list`: see [the guide](docs/guides/ci.md) and [semver](https://semver.org/).

## [0.0.9] - 2026-11-01

- The former.
"""


def test_the_notes_are_the_section_of_the_version() -> None:
    text = release_notes.notes(CHANGELOG, f"v{VERSION}", VERSION)
    link = f"https://github.com/podid/podid/blob/v{VERSION}/docs/guides/ci.md"
    assert text == f"### Added\n\n- `list`: see [the guide]({link}) and [semver](https://semver.org/).\n"
    assert release_notes.notes(CHANGELOG, "v0.0.9", "0.0.9") == "- The former.\n"


def test_links_and_pictures_of_the_readme_are_absolute() -> None:
    text = links.absolute("![a](docs/a.svg), [b](b.md#c), [d](#d), [e](https://e.example)", "v1.0.0")
    base = "https://github.com/podid/podid"
    assert text == (
        f"![a]({base}/raw/v1.0.0/docs/a.svg), [b]({base}/blob/v1.0.0/b.md#c), [d](#d), [e](https://e.example)"
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not re.search(r"\]\((?!https://|#)", links.absolute(readme, "v1.0.0"))


@pytest.mark.parametrize(
    ("changelog", "tag", "reason"),
    [
        (CHANGELOG, "v9.9.9", "does not fit version"),
        ("## [Unreleased]\n", f"v{VERSION}", "has no section"),
        (f"## [{VERSION}]\n\n- A change.\n", f"v{VERSION}", "has no date"),
        (f"## [{VERSION}] - 2026-12-01\n\n## [0.0.1] - 2026-01-01\n\n- x\n", f"v{VERSION}", "is empty"),
    ],
)
def test_a_release_without_notes_ends(changelog: str, tag: str, reason: str) -> None:
    with pytest.raises(release_notes.ReleaseError, match=reason):
        release_notes.notes(changelog, tag, VERSION)


# --- two builds -------------------------------------------------------------------------------------------------------


def test_a_difference_of_two_builds_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tmp_path / "project"
    (tree / ".git").mkdir(parents=True)
    (tree / "module.py").write_text("x = 1\n")
    monkeypatch.setattr(build_dist, "ROOT", tree)

    def build(source: Path, output: Path) -> None:
        output.mkdir()
        assert [path.name for path in source.iterdir()] == ["module.py"]
        (output / "same").write_text((source / "module.py").read_text())
        (output / "time").write_text(str((source / "module.py").stat().st_mtime))
        (output / "mode").write_text(oct((source / "module.py").stat().st_mode))
        (output / source.name).write_text("")

    before = os.umask(0o022)
    files, different = build_dist.build_twice(tmp_path, build)
    assert os.umask(before) == 0o022
    assert [path.name for path in files] == ["mode", "same", "time", "tree-0"]
    assert different == ["mode", "time", "tree-0", "tree-1"]


# --- what podid consists of -------------------------------------------------------------------------------------------


def test_the_closure_has_no_extras() -> None:
    names = {canonicalize_name(item.name) for item in closure.resolved()}
    assert {"podid", "boto3", "botocore", "kubernetes", "typer", "urllib3", "six"} <= names
    assert not {"moto", "werkzeug", "pytest", "mypy", "pip", "pyinstaller", "zensical"} & names
    assert {"moto", "werkzeug"} <= {canonicalize_name(item.name) for item in closure.resolved("podid[sandbox]")}
    assert all(item.version == version(item.name) for item in closure.resolved())


def test_the_bill_of_materials_identifies_the_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "podid-1.2.3-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    document = {"bomFormat": "CycloneDX", "metadata": {"component": {"name": "podid"}}, "components": []}
    component = sbom.identified(document, wheel)["metadata"]["component"]
    assert component == {
        "name": "podid",
        "version": "1.2.3",
        "purl": "pkg:pypi/podid@1.2.3",
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(b"wheel").hexdigest()}],
    }


class Installed(Distribution):
    def __init__(self, name: str, number: str) -> None:
        self._message = Message()
        self._message["Name"], self._message["Version"] = name, number

    @property
    def metadata(self) -> Any:
        return self._message

    def read_text(self, filename: str) -> None:
        return None

    def locate_file(self, path: Any) -> Any:
        raise AssertionError


def file(name: str, **more: object) -> dict[str, object]:
    return {"filename": name, "url": f"https://example.com/{name}", "hashes": {"sha256": "ab" * 32}, **more}


def test_the_formula_has_every_dependency() -> None:
    pages = {
        "pyyaml": [file("PyYAML-6.0.3.tar.gz"), file("pyyaml-6.0.4.tar.gz"), file("pyyaml-6.0.4-cp313-linux.whl")],
        "rpds-py": [file("rpds_py-1.0.tar.gz")],
        # no source archive, one that is yanked, names of former times
        "certifi": [file("certifi-2026.1.whl"), file("x.zip"), file("certifi-2026.1.0-py3-none-any.whl")],
    }
    items = [Installed("certifi", "2026.1.0"), Installed("PyYAML", "6.0.4"), Installed("rpds-py", "1.0")]
    text = homebrew.formula(items, lambda name: {"files": pages[name]}, "https://example.com/podid-1.tar.gz", "cd" * 32)
    assert re.findall(r'resource "(.*)" do\n    url "https://example.com/(.*)"\n    sha256 "(?:ab){32}"', text) == [
        ("certifi", "certifi-2026.1.0-py3-none-any.whl"),
        ("pyyaml", "pyyaml-6.0.4.tar.gz"),
        ("rpds-py", "rpds_py-1.0.tar.gz"),
    ]
    assert 'depends_on "rust" => :build' in text
    assert text.count("\n  end\n") == len(items) + 2
    assert text.startswith("class Podid < Formula\n")
    assert "virtualenv_install_with_resources" in text


@pytest.mark.parametrize(
    "files",
    [
        [],
        [file("six-1.0.1.tar.gz")],
        [file("six-1.0.tar.gz", yanked="broken")],
        [file("six-1.0.tar.gz", hashes={})],
        [file("six-1.0-cp313-cp313-manylinux_2_17_x86_64.whl")],
    ],
)
def test_a_formula_without_a_source_is_not_written(files: list[dict[str, object]]) -> None:
    with pytest.raises(homebrew.NoSource, match=r"six 1\.0"):
        homebrew.source_of({"files": files}, "six", "1.0")


def test_the_index_is_that_of_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example.com/simple")
    assert homebrew.index_of_pip() == "https://mirror.example.com/simple"
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert homebrew.index_of_pip().startswith("https://")
