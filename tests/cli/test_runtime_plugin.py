"""podid as a plugin of kubectl: the name in help and hints, kubectl's own options, and its completion."""

import io
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Outcome, Podid, from_yaml, table
from podid.cli.runtime import Streams, plugin_of
from worlds import Site

ROOT = Path(__file__).resolve().parents[2]


def as_plugin(podid: Callable[..., Outcome], *argv: str) -> Outcome:
    """What the same command line prints under the name of the plugin."""
    outcome = podid(*argv)
    return Outcome(outcome.code, renamed(outcome.stdout), renamed(outcome.stderr))


def renamed(text: str) -> str:
    written = io.StringIO()
    streams = Streams(io.StringIO(), written, io.StringIO(), False, False, False)
    streams.rename("kubectl podid")
    streams.stdout.writelines([text])
    return written.getvalue()


@pytest.mark.parametrize(
    ("path", "program"),
    [
        ("/usr/bin/kubectl-podid", "kubectl podid"),
        ("kubectl-eks_pod_identity", "kubectl eks-pod-identity"),
        (r"kubectl-podid.exe", "kubectl podid"),
        ("/opt/kubectl-podid/podid", ""),
        ("podid", ""),
    ],
)
def test_the_name_of_the_plugin(path: str, program: str) -> None:
    assert plugin_of(path) == program


@pytest.fixture
def executables(tmp_path: Path) -> Path:
    """The console scripts of pyproject.toml, as an installer writes them."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for name in ("kubectl-podid", "kubectl_complete-podid"):
        module, function = scripts[name].split(":")
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
        path.chmod(0o755)
    return tmp_path


def test_help_and_errors_speak_of_the_plugin(executables: Path) -> None:
    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        words = [str(executables / "kubectl-podid"), *argv]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)

    page = run("associate", "-h").stdout
    assert "Usage: kubectl podid associate [NS/SA...] [OPTIONS]" in page
    assert not [line for line in page.splitlines() if line.strip().startswith("podid ")]
    refused = run("lst")
    assert (refused.returncode, "Try:   kubectl podid list\n" in refused.stderr) == (2, True)


def test_completion_answers_kubectl(executables: Path) -> None:
    def answer(*words: str) -> list[str]:
        line = [str(executables / words[0]), *words[1:]]
        return subprocess.run(line, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()

    one = ["associate\tGive a service account's pods an IAM role.", ":4"]
    assert answer("kubectl_complete-podid", "ass") == answer("kubectl-podid", "__complete", "ass") == one


@table(
    ("words", "expected"),
    [
        (("trust", "check", ""), [":0"]),
        (("role", "create", "x", "--policy-file", ""), [":0"]),
        (("list", "-o", "js"), ["json", "jsonl", ":4"]),
        (("list", "--output=js"), ["json", "jsonl", ":4"]),
        (("nosuch", ""), [":4"]),
        (("list", "-n", "x", "--contex"), ["--context\tkubeconfig context.", ":4"]),
        (("-n", "x", "sho"), ["show\tShow everything about one service account.", ":4"]),
    ],
)
def test_each_answer_ends_with_a_directive(words: tuple[str, ...], expected: list[str]) -> None:
    outcome = Podid(env={"HOME": "/nowhere", "_PODID_COMPLETE": "kubectl"})("--", *words)
    assert (outcome.code, outcome.stdout.splitlines()) == (0, expected)


def test_hints_and_argument_vectors_in_documents(site: Site) -> None:
    site.with_samples()
    report = as_plugin(site, "doctor", "-o", "json").json
    assert {**from_yaml(as_plugin(site, "doctor", "-o", "yaml").stdout), "takenAt": ""} == {**report, "takenAt": ""}
    commands = [command for item in report["findings"] for command in item["fix"]["commands"]]
    assert commands
    assert all(command[:2] == ["kubectl", "podid"] or "podid" not in command for command in commands)
    shown = as_plugin(site, "associate", "shop/orders", "--role", "nosuch", "-o", "json")
    assert shown.error["hint"].startswith("kubectl podid role create nosuch")
    text = as_plugin(site, "doctor").stdout
    assert "Fix   kubectl podid" in text or "kubectl podid explain" in text


def test_options_of_kubectl(site: Site) -> None:
    kubeconfig = site.env["KUBECONFIG"] if "KUBECONFIG" in site.env else os.environ["KUBECONFIG"]
    for options in (("-n", "shop"), ("-A",), ("--kubeconfig", kubeconfig), ("-h",)):
        assert site("list", *options).code == 0, options


def test_text_without_a_command_line_stays() -> None:
    for text in ("podid lists roles", "/opt/podid list", "a podid", "podid-admin list", '"podid"', "podid/v1"):
        assert renamed(text) == text
