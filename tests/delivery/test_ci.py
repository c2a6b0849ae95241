"""The GitHub Action and the GitLab template: against their published schemas, and their scripts run by a shell as a
runner does, against a sandbox. What needs a runner itself (the checkout, the upload of artifacts) is not run."""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
import yaml
from jsonschema import Draft7Validator

from podid.cli import options as shared_options
from podid.domain.errors import ExitCode
from worlds import ACCOUNT, Site

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
TEMPLATE = ROOT / "ci" / "gitlab" / "podid.gitlab-ci.yml"
EXPRESSION = re.compile(r"\$\{\{\s*inputs\.([\w-]+)\s*\}\}")


class Runner:
    """Runs the action's steps as GitHub's runner does: inputs by `env`, files for output, summary and PATH."""

    def __init__(self, env: dict[str, str], directory: Path) -> None:
        programs, self.temporary, self.work = (directory / name for name in ("bin", "temp dir", "work"))
        for folder in (programs, self.temporary, self.work):
            folder.mkdir()
        self.program(programs / "podid", f'PYTHONPATH={ROOT / "src"} exec {sys.executable} -m podid "$@"')
        self.programs = programs
        self.files = {name: directory / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH")}
        self.env = {
            **env,
            **{name: str(path) for name, path in self.files.items()},
            "PATH": f"{programs}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_ACTIONS": "true",
            "CI": "true",
        }

    @staticmethod
    def program(path: Path, text: str) -> None:
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def __call__(self, step: int, **inputs: str) -> int:
        given = {name: value["default"] for name, value in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() == ACTION["inputs"].keys()
        part = ACTION["runs"]["steps"][step]
        env = {name: EXPRESSION.sub(lambda match: given[match[1]], value) for name, value in part["env"].items()}
        for path in self.files.values():
            path.write_text("")
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", part["run"]],
            cwd=self.work,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.output = ran.stdout + ran.stderr
        return ran.returncode

    @property
    def outputs(self) -> dict[str, str]:
        lines = self.files["GITHUB_OUTPUT"].read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def summary(self) -> str:
        return self.files["GITHUB_STEP_SUMMARY"].read_text()


@pytest.fixture
def runner(site: Site, tmp_path: Path) -> Runner:
    site.with_samples()
    return Runner(site.env, tmp_path)


# --- the action -------------------------------------------------------------------------------------------------------


def test_the_action_has_the_published_form() -> None:
    schema = json.loads((SCHEMAS / "github-actions.json").read_text(encoding="utf-8"))
    assert [error.message for error in Draft7Validator(schema).iter_errors(ACTION)] == []
    # the marketplace
    assert len(ACTION["description"]) <= 125


def test_inputs_reach_scripts_only_by_the_environment() -> None:
    steps = ACTION["runs"]["steps"]
    used = {name for step in steps for value in step["env"].values() for name in EXPRESSION.findall(value)}
    assert used == set(ACTION["inputs"])
    for step in steps:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
        script = re.fullmatch(r'bash "\$GITHUB_ACTION_PATH/(\S+)"', step["run"])
        assert script is not None
        text = (ROOT / script[1]).read_text(encoding="utf-8")
        assert "eval" not in text
        assert all(re.search(rf"\${{?{name}\b", text) for name in step["env"])
    last = steps[-1]
    outputs = {
        re.sub(r"\W*steps\.run\.outputs\.([\w-]+)\W*", r"\1", item["value"]) for item in ACTION["outputs"].values()
    }
    assert outputs == set(ACTION["outputs"]) == {"exit-code", "result", "report", "sarif"}
    assert last["id"] == "run"


def test_the_results_are_the_exit_codes() -> None:
    text = (ROOT / "ci" / "github" / "run.sh").read_text(encoding="utf-8")
    names = re.search(r"^results=\((.*)\)$", text, re.MULTILINE)
    assert names is not None
    codes = sorted(code for code in ExitCode if code < 100)
    assert names[1].split() == [code.name.lower().replace("_", "-") for code in codes]
    assert codes == list(range(len(codes)))
    for name in names[1].split():
        assert name in ACTION["outputs"]["result"]["description"]


def test_the_environment_variables_are_podids() -> None:
    declared = (item.metadata.get("option") for item in fields(shared_options.Shared))
    known = {name for item in declared if item is not None for name in item.env}
    for name in ("PODID_CLUSTER", "PODID_EXPECT_ACCOUNT", "AWS_REGION"):
        assert name in known


def test_a_doctor_with_findings(runner: Runner) -> None:
    assert runner(1, args="payments/bilingworker", sarif="out.sarif", expect_account=ACCOUNT) == 3, runner.output
    assert runner.outputs == {
        "exit-code": "3",
        "result": "attention",
        "report": str(runner.temporary / "podid" / "report.json"),
        "sarif": "out.sarif",
    }
    assert "::error title=association-sa-not-found%3A Association payments/bilingworker" in runner.output
    assert "association-sa-not-found" in runner.summary
    report = json.loads(Path(runner.outputs["report"]).read_text())
    assert (report["kind"], report["findings"][0]["id"]) == ("DoctorReport", "association-sa-not-found")
    assert json.loads((runner.work / "out.sarif").read_text())["version"] == "2.1.0"
    # a second time, without what was asked for
    again = runner(1, args="payments/bilingworker", fail_on="never", annotations="false", summary="false")
    assert (again, runner.outputs["result"], runner.summary) == (0, "ok", "")
    assert "::error" not in runner.output


def test_another_command_and_another_account(runner: Runner) -> None:
    assert runner(1, command="trust check", args="--role 'billing-worker'", cluster="demo", region="us-west-2") == 0
    assert runner.summary.startswith("### podid trust check\n\n    ")
    assert runner.outputs == {"exit-code": "0", "result": "ok"}
    assert runner(1, command="status", expect_account="999999999999") == 6
    assert ACCOUNT in runner.output
    assert runner.outputs["result"] == "conflict"


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"command": ""}, "The input command is empty."),
        ({"args": "-n 'shop"}, "The input args has a quote without its end."),
        ({"sarif": "report.txt"}, "must end in .sarif"),
        ({"args": "$(touch bad) `touch bad` ; touch bad"}, "unexpected argument bad) `touch bad` ; touch bad"),
        ({"command": "nosuch && touch bad"}, "nosuch"),
        ({"fail_on": "error; touch bad"}, "--fail-on"),
    ],
)
def test_bad_inputs(tmp_path: Path, inputs: dict[str, str], reason: str) -> None:
    runner = Runner({"HOME": str(tmp_path)}, tmp_path)
    assert runner(1, **inputs) == 2, runner.output
    assert reason in runner.output
    assert list(runner.work.iterdir()) == []


def test_the_installation(tmp_path: Path) -> None:
    """With stand-ins for Python and pip: the action's own version, or the one that is given."""
    runner = Runner({"HOME": str(tmp_path)}, tmp_path)
    environment = runner.temporary / "podid" / "environment"
    (environment / "bin").mkdir(parents=True)
    calls = tmp_path / "calls"
    runner.program(environment / "bin" / "python", f'echo "$@" >> "{calls}"')
    runner.program(runner.programs / "python3", f'echo "python3 $1 $2 $3" >> "{calls}"')
    assert runner(0) == 0, runner.output
    assert runner.files["GITHUB_PATH"].read_text() == f"{environment}/bin\n"
    assert runner(0, version="0.2.0rc1") == 0
    lines = calls.read_text().splitlines()
    assert f"python3 -m venv {environment}" in lines
    assert [line.split()[-1] for line in lines if "pip" in line] == [str(ROOT), "podid==0.2.0rc1"]
    for version in ("1.0 --index-url x", "@ git+https://example.com", "latest", "-r x"):
        assert runner(0, version=version) == 1
        assert "::error title=podid::The input version" in runner.output
    runner.program(runner.programs / "python3", "exit 1")
    assert runner(0) == 1
    assert "requires Python 3.11" in runner.output


# --- the template -----------------------------------------------------------------------------------------------------


def filled(**inputs: str) -> dict[str, Any]:
    """The jobs of the template with inputs in place, as GitLab does it."""
    head, body = TEMPLATE.read_text(encoding="utf-8").split("\n---\n")
    declared = yaml.safe_load(head)["spec"]["inputs"]
    given = {name: item["default"] for name, item in declared.items() if "default" in item}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    assert given.keys() == declared.keys()
    for name, value in given.items():
        assert value in declared[name].get("options", [value])
    text = re.sub(r"\$\[\[ inputs\.([\w-]+) \]\]", lambda match: given[match[1]] or '""', body)
    assert "$[[" not in text
    jobs: dict[str, Any] = yaml.safe_load(text)
    return jobs


def test_the_template_has_the_published_form() -> None:
    jobs = filled(cluster="demo", region="us-west-2", version="0.1.0")
    schema = json.loads((SCHEMAS / "gitlab-ci.json").read_text(encoding="utf-8"))
    head = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8").split("\n---\n")[0])
    for document in (jobs, head):
        assert [error.message for error in Draft7Validator(schema).iter_errors(document)] == []
    # in a script, an input would be read as a part of it
    assert "$[[" not in "".join(TEMPLATE.read_text(encoding="utf-8").partition("before_script")[2])


class Job:
    """Runs the template's job as GitLab's runner does."""

    def __init__(self, env: dict[str, str], directory: Path, **inputs: str) -> None:
        self.runner = Runner({**env, "TMPDIR": str(directory), "PODID_TOKEN": "t"}, directory)
        self.runner.env["GITHUB_ACTIONS"] = ""
        self.calls = directory / "calls"
        self.runner.program(self.runner.programs / "pip", f'echo "pip $@" >> "{self.calls}"')
        (self.job,) = filled(cluster="demo", region="us-west-2", version="0.1.0", **inputs).values()

    def __call__(self) -> int:
        ran = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join([*self.job["before_script"], *self.job["script"]])],
            cwd=self.runner.work,
            env={**self.runner.env, **self.job["variables"]},
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.output = ran.stdout + ran.stderr
        return ran.returncode


def test_the_template_makes_reports(site: Site, tmp_path: Path) -> None:
    site.with_samples()
    job = Job(site.env, tmp_path, args="-n payments --skip agent-not-installed")
    assert job() == 3, job.output
    assert job.calls.read_text() == "pip install --quiet podid==0.1.0\n"
    artifacts = job.job["artifacts"]
    names = {*artifacts["paths"], artifacts["reports"]["junit"]}
    assert names == {path.name for path in job.runner.work.iterdir()}
    assert artifacts["when"] == "always"


@pytest.mark.parametrize("role", ["", f"arn:aws:iam::{ACCOUNT}:role/podid-read"])
def test_the_template_assumes_the_role(tmp_path: Path, role: str) -> None:
    job = Job({"HOME": str(tmp_path)}, tmp_path, role_arn=role, fail_on="never", command="audit")
    variables = '"role=$AWS_ROLE_ARN token=$(cat "${AWS_WEB_IDENTITY_TOKEN_FILE:-/dev/null}")"'
    job.runner.program(job.runner.programs / "podid", f'echo podid "$@" {variables} >> "{job.calls}"')
    assert job() == 0, job.output
    called = job.calls.read_text().splitlines()[-1]
    assert called.startswith("podid audit --fail-on never --force --report podid.json")
    assert called.endswith(f"role={role} token={'t' if role else ''}")


def example(name: str) -> Any:
    """An example of docs/guides/ci.md."""
    text = (ROOT / "docs" / "guides" / "ci.md").read_text(encoding="utf-8")
    return yaml.safe_load(text.partition(f"<!-- {name} -->\n```yaml\n")[2].partition("```")[0])


def test_the_examples_of_the_guide_have_known_inputs() -> None:
    used = next(step for step in example("action")["steps"] if step["uses"].startswith("podid/podid@"))
    assert set(used["with"]) <= set(ACTION["inputs"])
    (included,) = example("template")["include"]
    assert included["remote"].endswith(TEMPLATE.relative_to(ROOT).as_posix())
    assert filled(**{name.replace("-", "_"): value for name, value in included["inputs"].items()})


# --- scripts ----------------------------------------------------------------------------------------------------------


def test_the_scripts_are_sound() -> None:
    scripts = [*sorted((ROOT / "ci").rglob("*.sh")), ROOT / ".ci" / "run"]
    assert len(scripts) >= 3
    program = Path(sys.executable).parent / "shellcheck"
    ran = subprocess.run([program, *scripts], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
