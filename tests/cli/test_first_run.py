"""The missing prerequisites, and the next line to type, in each state that a new user meets."""

import json
import os
import shlex
import socket
from pathlib import Path

import pytest

from harness import Outcome, Podid
from podid.sandbox import baseline
from worlds import Site

UNNAMED = ("PODID_CLUSTER",)

PROFILES = "[profile dev]\nregion = us-west-2\n[profile prod]\nregion = us-west-2\n[sso-session corp]\n"
CONTEXTS = """
apiVersion: v1
kind: Config
current-context: kind-local
clusters:
- {name: blue, cluster: {server: "https://127.0.0.1:1"}}
- {name: kind, cluster: {server: "https://127.0.0.1:2"}}
contexts:
- {name: "me@blue.us-west-2.eksctl.io", context: {cluster: blue, user: u}}
- {name: kind-local, context: {cluster: kind, user: u}}
users:
- {name: u, user: {}}
"""


def stderr_of(outcome: Outcome) -> str:
    return " ".join(outcome.stderr.split())


def alone(site: Site | None = None, **env: str) -> str:
    """The page of `podid` typed alone on a terminal."""
    clock = site.clock if site is not None else None
    outcome = Podid(env={**os.environ, **env}, tty=True, width=80, clock=clock)()
    assert outcome.code == 0
    assert max(map(len, outcome.stdout.splitlines())) <= 90  # with the codes of its headings
    assert len(outcome.stdout.splitlines()) <= 20
    return outcome.stdout


def enter(site: Site, monkeypatch: pytest.MonkeyPatch, **env: str) -> None:
    """Set the environment of the site, whose credentials boto3 reads."""
    for name, value in {**site.env, **env}.items():
        if name not in ("HOME", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(name, value)


def next_lines(page: str) -> list[str]:
    lines = page.partition("Next")[2].splitlines()[1:]
    return [line.strip().split("  ")[0] for line in lines if line.startswith("  ") and not line.startswith("    ")]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without credentials."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE", raising=False)
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    return tmp_path


def with_profiles(home: Path) -> None:
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text(PROFILES)


def test_no_credentials(home: Path) -> None:
    outcome = Podid(env=os.environ)("list", "--cluster", "demo")
    assert outcome.code == 4
    assert "podid demo requires no credentials" in stderr_of(outcome)
    assert outcome.stderr.endswith("Try:   aws configure sso\n")
    assert next_lines(alone()) == ["aws configure sso", "podid demo", "podid --help"]


def test_no_credentials_but_profiles(home: Path) -> None:
    with_profiles(home)
    outcome = Podid(env=os.environ)("list", "--cluster", "demo")
    assert "has these profiles: dev, prod" in stderr_of(outcome)
    assert outcome.stderr.endswith("Try:   podid list --cluster demo --profile dev\n")
    assert next_lines(alone())[0] == "export AWS_PROFILE=dev"
    page = alone(AWS_PROFILE="dve")
    assert "did you mean dev? Known profiles: dev, prod." in " ".join(page.split())
    assert next_lines(page)[0] == "export AWS_PROFILE=dev"
    outcome = Podid(env={**os.environ, "AWS_PROFILE": "dve"})("list", "--cluster", "demo")
    assert outcome.stderr.endswith("Try:   podid list --cluster demo --profile dev\n")
    # another one than the profile that has none, and once
    for typed in (("--profile", "dev"), ("--profile=dev",)):
        outcome = Podid(env=os.environ)("status", *typed, "-c", "dev")
        assert outcome.stderr.endswith("Try:   podid status --profile prod -c dev\n")
    outcome = Podid(env={**os.environ, "AWS_PROFILE": "dev"})("status")
    assert outcome.stderr.endswith("Try:   podid status --profile prod\n")
    (home / ".aws" / "config").write_text("[profile dev]\nregion = us-west-2\n")
    assert Podid(env=os.environ)("status", "--profile", "dev").stderr.endswith(
        "Try:   aws configure sso --profile dev\n"
    )


def test_no_region(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    outcome = Podid(env=os.environ)("list")
    assert (outcome.code, outcome.stderr.splitlines()[-1]) == (2, "Try:   aws configure")
    assert "region" in alone()
    with_profiles(home)
    assert Podid(env=os.environ)("list").stderr.splitlines()[-1] == "Try:   podid list --profile dev"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_stopped_sandbox(home: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{free.getsockname()[1]}")
        outcome = Podid(env=os.environ)("list", "--cluster", "demo", "--timeout", "5s")
        assert outcome.code == 7
        assert "If it was a sandbox, start one again" in stderr_of(outcome)
        assert "To use AWS, open a new shell." in stderr_of(outcome)
        assert outcome.stderr.endswith("Try:   podid sandbox start\n")
        assert next_lines(alone())[0] == "podid sandbox start"


@pytest.mark.parametrize("profiles", [False, True])
def test_expired_credentials(account: Site, home: Path, monkeypatch: pytest.MonkeyPatch, profiles: bool) -> None:
    """In environment variables, which a profile overrides."""
    enter(account, monkeypatch)
    if profiles:
        with_profiles(home)
    account.box.world.credentials.expire(account.env["AWS_ACCESS_KEY_ID"])
    outcome = Podid(env=os.environ)("list", "--cluster", "demo")
    assert outcome.code == 4
    assert "The AWS credentials have expired" in stderr_of(outcome)
    assert "They come from environment variables" in stderr_of(outcome)
    unset = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN"
    hint = "podid list --cluster demo --profile dev" if profiles else unset
    assert outcome.stderr.endswith(f"Try:   {hint}\n")
    # the variables precede AWS_PROFILE
    assert next_lines(alone())[0] == unset
    if profiles:
        keys = "[dev]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n"
        (home / ".aws" / "credentials").write_text(keys)
        outcome = Podid(env=os.environ)("list", "--cluster", "demo", "--profile", "dev")
        assert "They come from environment variables" not in stderr_of(outcome)


def test_unknown_credentials(account: Site, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(account, monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    outcome = Podid(env=os.environ)("list", "--cluster", "demo")
    assert outcome.code == 4
    assert "does not recognize the AWS credentials" in stderr_of(outcome)
    assert "Or the region is not enabled for the account. They come from" in stderr_of(outcome)
    assert outcome.stderr.endswith("Try:   unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN\n")


def test_a_cluster_that_contradicts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not exist, and a kube context of another region: the page reports both."""
    enter(site, monkeypatch, PODID_CLUSTER="demos")
    page = alone(site)
    assert "Cluster demos does not exist in us-west-2." in " ".join(page.split())
    assert next_lines(page)[0] == "export PODID_CLUSTER=demo"
    enter(site, monkeypatch, AWS_REGION="eu-west-1")
    monkeypatch.delenv("PODID_CLUSTER")
    page = alone(site)
    assert "names cluster demo in us-west-2, but AWS_REGION is eu-west-1" in " ".join(page.split())
    assert next_lines(page)[0] == "export AWS_REGION=us-west-2"


def test_no_kubernetes_access(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason and the next command once, however many checks and service accounts it concerns."""
    site.must("associate", "shop/orders", "--role", "storefront", "--wait", "none")
    path = site.directory / "kubeconfig-unknown"
    path.write_text(json.dumps(site.kube.kubeconfig("unknown")))
    env, entries = {"KUBECONFIG": str(path)}, "aws eks list-access-entries --cluster-name demo"
    with monkeypatch.context() as scoped:
        enter(site, scoped, **env)
        assert "Kubernetes  The API server of cluster demo does not recognize" in alone(site)
    for argv, code in {"list --pods": 4, "restart shop/orders": 4, "agent nodes": 4}.items():
        outcome = site(*argv.split(), env=env)
        assert (outcome.code, stderr_of(outcome).count("does not recognize the caller")) == (code, 1)
        assert f"Try: {entries}" in stderr_of(outcome)
    site.podid.tty, site.podid.width = True, 80
    for argv, code in {"status": 9, "show shop/orders": 9, "doctor": 9, "agent status": 9}.items():
        outcome = site(*argv.split(), env=env)
        screen = " ".join(outcome.stdout.split())
        assert (outcome.code, screen.count("does not recognize the caller")) == (code, 1)
        assert f"Try {entries}" in screen


def test_no_cluster(account: Site, tmp_path: Path) -> None:
    outcome = account("list", "--region", "eu-west-1", without=UNNAMED)
    assert outcome.code == 5
    assert "No EKS cluster found in eu-west-1" in outcome.stderr
    assert outcome.stderr.endswith("Try:   podid whoami --region eu-west-1\n")
    (tmp_path / "kubeconfig").write_text(CONTEXTS)
    kubeconfig = {"KUBECONFIG": str(tmp_path / "kubeconfig")}
    outcome = account("list", "--region", "eu-west-1", without=UNNAMED, env=kubeconfig)
    assert "contexts of these EKS clusters: me@blue.us-west-2.eksctl.io" in stderr_of(outcome)
    _, *hint = shlex.split(outcome.stderr.splitlines()[-1])
    assert hint == ["podid", "list", "--region", "us-west-2", "--context", "me@blue.us-west-2.eksctl.io"]
    # it contradicts nothing; the cluster itself does not exist
    assert account(*hint[1:], without=UNNAMED, env=kubeconfig).code == 5
    outcome = account("list", without=UNNAMED, env={**kubeconfig, "AWS_REGION": "eu-west-1"})
    assert outcome.stderr.endswith("podid list --context me@blue.us-west-2.eksctl.io --region us-west-2\n")


def test_one_cluster_and_many(account: Site) -> None:
    assert account("list", without=UNNAMED).code == 0
    change = ("associate", "shop/orders", "--role", "storefront")
    one = account(*change, without=UNNAMED)
    assert (one.code, one.stderr.splitlines()[-1]) == (2, f"Try:   podid {shlex.join(change)} --cluster demo")
    with account.box.world.lock:
        baseline.add_cluster(account.box.world, "staging")
    many = account("list", without=UNNAMED)
    assert "No cluster is specified; us-west-2 has demo, staging" in many.stderr
    # of several the wrong one could be pasted
    assert many.stderr.splitlines()[-1] == "       Specify one with --cluster or PODID_CLUSTER."


def test_podid_alone(account: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    page = alone(account)
    assert "arn:aws:" in page
    assert "us-west-2 (AWS_REGION)" in page
    assert "demo (PODID_CLUSTER)" in page
    assert next_lines(page) == ["podid status", "podid associate", "podid doctor", "podid --help"]
    monkeypatch.delenv("PODID_CLUSTER")
    page = alone(account)
    assert "demo, the only one in us-west-2" in page
    assert next_lines(page) == ["podid status", "podid associate", "podid doctor", "podid --help"]
    page = alone(account, AWS_REGION="eu-west-1")
    assert "none in eu-west-1" in page
    assert next_lines(page) == ["podid whoami", "podid demo", "podid --help"]
    with account.box.world.lock:
        baseline.add_cluster(account.box.world, "staging")
    page = alone(account)
    assert "us-west-2 has demo, staging" in page
    assert next_lines(page) == ["podid status --cluster demo", "podid --help"]
    # in a pipe it is the list of commands, and nothing is read
    piped = Podid(env={})()
    assert (piped.code, piped.stderr) == (0, "")
    assert piped.stdout == Podid()("--help").stdout
