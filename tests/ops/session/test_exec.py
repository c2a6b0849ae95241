"""`exec` and `whoami --as`: whose credentials a command gets, what it does not get, and what remains."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Answers
from podid.aws.decode import Credentials, PodIdentitySession
from podid.domain.aws import Association
from podid.domain.errors import Conflict, NotFound, PodidError, Unavailable
from podid.ops.clients import Clients
from podid.ops.session.issue import Issuer, child_env
from worlds import ACCOUNT, ROLE_ARN, Site

SHARED = f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-orders/eks-demo-orders"
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


# --- the environment --------------------------------------------------------------------------------------------------

SETTINGS = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE"),
    *("AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME", "AWS_VAULT"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CREDENTIAL_FILE"),
    *("AWS_CREDENTIAL_EXPIRATION", "AWS_SDK_LOAD_CONFIG", "AWS_BEARER_TOKEN_BEDROCK", "AWS_SSO_SESSION"),
)


@given(
    st.dictionaries(st.sampled_from([*SETTINGS, "PATH", "HOME", "AWS_ENDPOINT_URL_STS", "AWS_CA_BUNDLE"]), st.text())
)
def test_no_other_setting_of_credentials_is_left(env: dict[str, str]) -> None:
    made = child_env(env, "us-west-2", "http://127.0.0.1:1/v1/credentials", "t")
    assert not set(SETTINGS) & set(made)
    assert {name: made[name] for name in env if name not in SETTINGS} == {
        name: value for name, value in env.items() if name not in SETTINGS
    }
    assert made["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:1/v1/credentials"
    assert made["AWS_SHARED_CREDENTIALS_FILE"] == made["AWS_CONFIG_FILE"] == os.devnull


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "127.0.0.1"),
        ({"https_proxy": "http://proxy:3128", "NO_PROXY": "internal", "no_proxy": "internal"}, "internal,127.0.0.1"),
    ],
)
def test_no_proxy_gets_the_request_for_credentials(env: dict[str, str], expected: str | None) -> None:
    made = child_env(env, "us-west-2", "http://127.0.0.1:1/v1/credentials", "t")
    assert made.get("NO_PROXY") == made.get("no_proxy") == expected


# --- renewal ----------------------------------------------------------------------------------------------------------


class Cluster:
    """Issues credentials for 6 hours, until it is told to fail."""

    def __init__(self) -> None:
        self.now, self.issued, self.pods = NOW, 0, ["orders-1"]
        self.error: PodidError | None = None
        self.association_id = "a-1"

    def list_pods(self, namespace: str, *, service_account: str) -> list[Any]:
        assert (namespace, service_account) == ("shop", "orders")
        fields = {"phase": "Running", "deleting": False, "labels": {}, "annotations": {}, "ready": True, "owner": None}
        container = SimpleNamespace(name="app")
        return [
            SimpleNamespace(name=n, namespace="shop", subject=n, containers=[container], **fields) for n in self.pods
        ]

    def request_token(self, ref: Any, pod: Any) -> str:
        return f"token of {pod.name}"

    def assume_role_for_pod_identity(self, cluster: str, token: str) -> PodIdentitySession:
        if self.error is not None:
            raise self.error
        self.issued += 1
        return PodIdentitySession(
            credentials=Credentials(
                access_key_id=f"ASIA{self.issued}",
                secret_access_key="s",
                session_token=token,
                expires_at=self.now + timedelta(hours=6),
            ),
            association_id=self.association_id,
            association_arn="arn",
            namespace="shop",
            service_account="orders",
        )

    def issuer(self) -> Issuer:
        association = Association(
            cluster_name="demo",
            namespace="shop",
            service_account="orders",
            association_id="a-1",
            association_arn="arn",
            role_arn=ROLE_ARN,
        )
        clients = SimpleNamespace(kube=SimpleNamespace(reader=self, writer=self), aws=SimpleNamespace(eks_auth=self))
        return Issuer(cast("Clients", clients), association, lambda: self.now)


def test_credentials_are_renewed_before_they_expire() -> None:
    cluster = Cluster()
    issuer = cluster.issuer()
    assert [issuer.answer()["AccessKeyId"] for _ in range(3)] == ["ASIA1"] * 3
    assert issuer.answer()["Expiration"] == "2026-11-24T15:30:00Z"
    assert issuer.answer()["AccountId"] == ACCOUNT
    cluster.now += timedelta(hours=5, minutes=39)
    assert issuer.answer()["AccessKeyId"] == "ASIA1"
    cluster.now += timedelta(minutes=2)
    assert issuer.answer()["AccessKeyId"] == "ASIA2"


def test_credentials_that_cannot_be_renewed_are_used_until_they_expire() -> None:
    cluster = Cluster()
    issuer = cluster.issuer()
    issuer.session()
    cluster.error = Unavailable("EKS Auth does not answer")
    cluster.now += timedelta(hours=5, minutes=50)
    assert issuer.answer()["AccessKeyId"] == "ASIA1"
    cluster.now += timedelta(minutes=11)
    with pytest.raises(Unavailable):
        issuer.answer()
    cluster.error = None
    assert issuer.answer()["AccessKeyId"] == "ASIA2"


def test_another_pod_is_used_once_the_first_is_gone() -> None:
    cluster = Cluster()
    issuer = cluster.issuer()
    assert (issuer.answer()["Token"], issuer.pod) == ("token of orders-1", "orders-1")
    cluster.pods, cluster.now = ["orders-2"], NOW + timedelta(hours=6)
    assert (issuer.answer()["Token"], issuer.pod) == ("token of orders-2", "orders-2")
    cluster.pods, cluster.now = [], NOW + timedelta(hours=13)
    with pytest.raises(NotFound, match="has no running pod"):
        issuer.answer()


def test_credentials_of_another_association_are_refused() -> None:
    cluster = Cluster()
    cluster.association_id = "a-2"
    with pytest.raises(Conflict):
        cluster.issuer().session()


# --- whole commands ---------------------------------------------------------------------------------------------------


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def script(out: Path, text: str) -> list[str]:
    """A program that writes what `text` evaluates to."""
    return [sys.executable, "-c", f"import boto3, os, json; open({str(out)!r}, 'w').write(json.dumps({text}))"]


def run(site: Site, *words: str, options: tuple[str, ...] = ("--yes",)) -> Any:
    return site("exec", "shop/orders", *options, "--", *words)


def test_the_command_has_the_identity_of_the_service_account(healthy: Site, out: Path) -> None:
    outcome = run(healthy, *script(out, "boto3.client('sts').get_caller_identity()['Arn']"))
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "", "")
    assert json.loads(out.read_text()).startswith(SHARED)
    (call,) = [item.event for item in healthy.box.world.trail if item.event["EventName"] == "GetCallerIdentity"]
    assert call["Username"].startswith("eks-demo-orders")


def test_profiles_and_keys_of_the_user_are_not_used(healthy: Site, out: Path) -> None:
    home = healthy.directory / "home" / ".aws"
    home.mkdir()
    keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n"
    (home / "credentials").write_text(f"[default]\n{keys}[other]\n{keys}")
    text = "[boto3.Session().get_credentials().method, sorted(n for n in os.environ if 'KEY' in n or 'PROFILE' in n)]"
    assert run(healthy, *script(out, text)).code == 0
    assert json.loads(out.read_text()) == ["container-role", []]


def test_the_exit_code_is_passed_on(healthy: Site) -> None:
    assert run(healthy, "sh", "-c", "exit 42").code == 42
    assert run(healthy, "sh", "-c", "kill -TERM $$").code == 143
    assert run(healthy, "test", "").code == 1  # a blank argument reaches the command


def test_the_journal_names_the_program_and_neither_arguments_nor_credentials(healthy: Site, out: Path) -> None:
    text = "boto3.Session().get_credentials().get_frozen_credentials()"
    assert run(healthy, *script(out, text), "--password", "hunter2").code == 0
    key, secret, token, *_ = json.loads(out.read_text())
    (item,) = [item for item in healthy.must("history", "-o", "json").json["items"] if "exec" in item["command"]]
    assert item["command"] == ["exec", "shop/orders", "--yes", "--", sys.executable]
    assert item["actions"][0]["kind"] == "command"
    assert (item["status"], item["actions"][0]["reason"]) == ("done", "exit code 0")
    files = [file for file in healthy.directory.rglob("*") if file.is_file() and file != out]
    assert [f for f in files for it in (key, secret, token, "hunter2") if it in f.read_text(errors="replace")] == []
    assert healthy("undo", item["runId"], "--yes").code == 0
    assert healthy("undo", "last", "--yes").code == 5


def test_without_confirmation_nothing_is_minted(healthy: Site, out: Path) -> None:
    before = healthy.box.faults.calls["eks-auth", "AssumeRoleForPodIdentity"]
    outcome = run(healthy, "touch", str(out), options=())
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"podid exec shop/orders --yes -- touch {out}" in outcome.stderr
    healthy.podid.tty, healthy.podid.answers = True, Answers(False)
    assert run(healthy, "touch", str(out), options=()).code == 2
    assert healthy.podid.answers.questions == [
        "Mint credentials of role shop-orders as shop/orders and run touch with them?"
    ]
    assert healthy.box.faults.calls["eks-auth", "AssumeRoleForPodIdentity"] == before
    assert not out.exists()


def test_what_prevents_it(healthy: Site) -> None:
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


def test_a_program_that_is_none(healthy: Site, tmp_path: Path) -> None:
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


def test_permissions_name_what_can_be_abused(healthy: Site) -> None:
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


# --- whoami --as ------------------------------------------------------------------------------------------------------


def test_the_identity_that_eks_auth_issues(healthy: Site) -> None:
    found = healthy.must("whoami", "--as", "shop/orders", "--yes", "-o", "json").json
    assert found["callerArn"].startswith(SHARED)
    assert (found["roleArn"], found["account"], found["serviceAccount"]) == (ROLE_ARN, ACCOUNT, "orders")
    assert found["pod"] in healthy.cluster.pod_names("shop", "orders")
    assert "ASIA" not in json.dumps(found)
    assert f"caller           {SHARED}" in healthy.must("whoami", "--as", "shop/orders", "--yes").stdout
    outcome = healthy("whoami", "--as", "shop/orders")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "requires confirmation" in outcome.stderr
    assert healthy("whoami", "--as", "shop/order", "--yes").code == 5


def test_the_identity_is_that_of_the_target_role(site: Site) -> None:
    site.with_agent().with_identity().with_target()
    found = site.must("whoami", "--as", "shop/orders", "--yes", "-o", "json").json
    assert found["roleArn"].endswith(":role/reports-reader")
