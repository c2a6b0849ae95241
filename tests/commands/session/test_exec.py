"""`podid exec`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import Answers
from ops.session.support import SHARED
from worlds import Site


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def script(out: Path, text: str) -> list[str]:
    """A program that writes what `text` evaluates to."""
    return [sys.executable, "-c", f"import boto3, os, json; open({str(out)!r}, 'w').write(json.dumps({text}))"]


def run(site: Site, *words: str, options: tuple[str, ...] = ("--yes",)) -> Any:
    return site("exec", "shop/orders", *options, "--", *words)


def test_the_command_has_the_identity_of_the_service_account_only(healthy: Site, out: Path) -> None:
    """Profiles and keys of the user are not used."""
    home = healthy.directory / "home" / ".aws"
    home.mkdir()
    keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n"
    (home / "credentials").write_text(f"[default]\n{keys}[other]\n{keys}")
    caller = "boto3.client('sts').get_caller_identity()['Arn']"
    names = "sorted(n for n in os.environ if 'KEY' in n or 'PROFILE' in n)"
    outcome = run(healthy, *script(out, f"[{caller}, boto3.Session().get_credentials().method, {names}]"))
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "", "")
    arn, method, variables = json.loads(out.read_text())
    assert (arn.startswith(SHARED), method, variables) == (True, "container-role", [])
    (call,) = [item.event for item in healthy.box.world.trail if item.event["EventName"] == "GetCallerIdentity"]
    assert call["Username"].startswith("eks-demo-orders")


def test_the_exit_code_is_passed_on(healthy: Site) -> None:
    assert run(healthy, "sh", "-c", "exit 42").code == 42
    assert run(healthy, "sh", "-c", "kill -TERM $$").code == 143
    assert run(healthy, "test", "").code == 1  # a blank argument reaches the command


def test_the_journal_names_the_program_and_neither_arguments_nor_credentials(healthy: Site, out: Path) -> None:
    request = "urllib.request.Request(uri, headers={'Authorization': os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN']})"
    lines = "import os, urllib.request", "uri = os.environ['AWS_CONTAINER_CREDENTIALS_FULL_URI']"
    program = "; ".join((*lines, f"open({str(out)!r}, 'wb').write(urllib.request.urlopen({request}).read())"))
    assert run(healthy, sys.executable, "-c", program, "--password", "hunter2").code == 0
    key, secret, token = (json.loads(out.read_text())[name] for name in ("AccessKeyId", "SecretAccessKey", "Token"))
    (item,) = [item for item in healthy.must("history", "-o", "json").json["items"] if "exec" in item["command"]]
    assert item["command"] == ["exec", "shop/orders", "--yes", "--", sys.executable]
    assert item["actions"][0]["kind"] == "command"
    assert (item["status"], item["actions"][0]["reason"]) == ("done", "exit code 0")
    files = [file for file in healthy.directory.rglob("*") if file.is_file() and file != out]
    assert [f for f in files for it in (key, secret, token, "hunter2") if it in f.read_text(errors="replace")] == []
    assert healthy("undo", item["runId"], "--yes").code == 0
    assert healthy("undo", "last", "--yes").code == 5


def test_without_confirmation_no_credentials_are_requested(healthy: Site, out: Path) -> None:
    before = healthy.box.faults.calls["eks-auth", "AssumeRoleForPodIdentity"]
    outcome = run(healthy, "touch", str(out), options=())
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"podid exec shop/orders --yes -- touch {out}" in outcome.stderr
    healthy.podid.tty, healthy.podid.answers = True, Answers(False)
    assert run(healthy, "touch", str(out), options=()).code == 2
    assert healthy.podid.answers.questions == [
        "Request credentials of role shop-orders as shop/orders and run touch with them?"
    ]
    assert healthy.box.faults.calls["eks-auth", "AssumeRoleForPodIdentity"] == before
    assert not out.exists()


@pytest.mark.parametrize("output", ["json", "wide", "sarif"])
def test_a_default_format_is_that_of_other_commands(healthy: Site, output: str) -> None:
    assert healthy("exec", "shop/orders", "--yes", "--", "true", env={"PODID_OUTPUT": output}).code == 0


def test_programs_and_service_accounts_that_do_not_exist(healthy: Site) -> None:
    assert run(healthy, "nosuch-program").code == 5
    outcome = run(healthy, "true", options=("--yes", "-o", "json"))
    assert (outcome.code, outcome.error["exitCode"]) == (2, 2)
    assert "its output is that of the command" in outcome.stderr
    outcome = healthy("exec", "shop/order", "--yes", "--", "true")
    assert outcome.code == 5
    assert "podid exec shop/orders -- true" in outcome.stderr  # a guess is no consent
    assert healthy("exec", "shop/orders", "--yes").code == 2
    healthy.box.world.credentials.deny("eks-auth:AssumeRoleForPodIdentity")
    outcome = run(healthy, "true")
    assert outcome.code == 4
    assert "eks-auth:AssumeRoleForPodIdentity" in outcome.stderr


def test_a_file_that_is_no_program(healthy: Site, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("")
    file.chmod(0o755)
    outcome = run(healthy, str(file))
    assert outcome.code == 126
    assert "cannot be started: Exec format error" in outcome.stderr


def test_a_service_account_without_pods(site: Site) -> None:
    site.with_agent()
    site.associate("payments", "billing-worker", "apps/billing-worker")
    for pod in site.cluster.pod_names("payments", "billing-worker"):
        site.cluster.delete(f"/api/v1/namespaces/payments/pods/{pod}")
    deployment = "/apis/apps/v1/namespaces/payments/deployments/billing-worker"
    site.cluster.merge(deployment, {"spec": {"replicas": 0}})
    site.wait(60)
    outcome = site("exec", "payments/billing-worker", "--yes", "--", "true")
    assert outcome.code == 5
    assert "has no running pod" in outcome.stderr


def test_sensitive_permissions_are_optional(healthy: Site) -> None:
    shown = healthy.must("exec", "--show-permissions", "-o", "json").json
    (obtaining,) = [item for item in shown["optional"] if item["for"].startswith("obtaining")]
    assert obtaining["permission"] == ("eks-auth:AssumeRoleForPodIdentity, list pods, create serviceaccounts/token")


def test_streams_in_a_real_process(healthy: Site) -> None:
    """What the command reads and writes is podid's own stdin, stdout and stderr, byte for byte."""
    done = subprocess.run(
        [sys.executable, "-m", "podid", "exec", "shop/orders", "-y", "--", "sh", "-c", "cat; echo bad >&2; exit 3"],
        env={"PATH": os.environ["PATH"], **healthy.env},
        input=b"\x00\xff",
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, b"\x00\xff", b"bad\n")
