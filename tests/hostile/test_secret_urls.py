"""User, password and token in the addresses that podid is given: they are used, and shown nowhere."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import one_in
from podid.domain.text import plain_urls
from podid.kube.project_pods import plain_url
from worlds import Site

SECRET = "s3cret"
NOBODY = "http://127.0.0.1:9"
WAYS = (
    "doctor --save saved.json",
    "list",
    "role list",
    "restart shop/orders --dry-run",
    "bundle --yes",
    "whoami",
    "show shop/orders",
    "verify shop/orders --yes",
    "agent status",
    "associate shop/idle --role storefront --create-service-account --dry-run",
)


def secret(url: str) -> str:
    return url.replace("://", f"://user:{SECRET}@", 1)


def places(site: Site) -> Mapping[str, tuple[dict[str, str], dict[str, str]]]:
    """Which variables and which members of the kubeconfig's cluster hold the secret."""
    account, cluster = site.env["AWS_ENDPOINT_URL"], site.kube.endpoint
    return {
        "in use": ({"AWS_ENDPOINT_URL": secret(account)}, {"server": secret(cluster)}),
        "nobody for AWS": ({"AWS_ENDPOINT_URL": secret(NOBODY)}, {}),
        "nobody for EKS": ({"AWS_ENDPOINT_URL_EKS": secret(NOBODY)}, {}),
        "nobody for Kubernetes": ({}, {"server": secret("https://127.0.0.1:9")}),
        "no proxy": ({"HTTP_PROXY": secret(NOBODY), "HTTPS_PROXY": secret(NOBODY), "NO_PROXY": ""}, {}),
        "no proxy for Kubernetes": ({}, {"proxy-url": secret(NOBODY)}),
        "not a URL": ({"AWS_ENDPOINT_URL": secret("http://[::1")}, {}),
        "not a URL for Kubernetes": ({}, {"server": secret("http://h:port")}),
        "another scheme": ({}, {"server": secret("ftp://h")}),
        "a slash in it": ({"AWS_ENDPOINT_URL": f"http://user:a/{SECRET}@127.0.0.1:9"}, {}),
        "a query": ({"AWS_ENDPOINT_URL": f"{account}/?token={SECRET}"}, {"server": f"{cluster}/?token={SECRET}"}),
    }


CASES = [(place, way) for place in range(11) for way in WAYS]


@pytest.mark.parametrize(("place", "way"), one_in(11, CASES))
def test_a_secret_in_an_address_is_shown_nowhere(
    healthy: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: int, way: str
) -> None:
    monkeypatch.chdir(tmp_path)
    env, cluster = list(places(healthy).values())[place]
    kubeconfig = healthy.kube.kubeconfig(healthy.kube.admin_token)
    kubeconfig["clusters"][0]["cluster"].update(cluster)
    file = healthy.directory / "kubeconfig-secret"
    file.write_text(json.dumps(kubeconfig))
    for output in ("table", "json"):
        for named in ((), ("--context", kubeconfig["current-context"])):
            outcome = healthy(*way.split(), *named, "-v", "-o", output, env={**env, "KUBECONFIG": str(file)})
            assert SECRET not in outcome.stdout + outcome.stderr, outcome
            assert "ran into a bug" not in outcome.stderr
    for written in tmp_path.rglob("*.*"):
        assert written == file or SECRET.encode() not in written.read_bytes(), written


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://u:s3cret@h:1/x", "at http://h:1/x"),
        ('"http://u:s@cret@h/x?a=b"', '"http://h/x?…"'),
        ("http://s3cret@h", "http://h"),
        ("http://u:s3/cret@h:3128", "http://h:3128"),
        ("http://u:p@h and http://v:q@i/x?t=1 b", "http://h and http://i/x?… b"),
        ("http://h/?next=http://i/&token=s3cret.", "http://h/?…."),
        ("http://h/http://u:s3cret@i", "http://h/http://i"),
        ("https://h:443/path@x", "https://h:443/path@x"),
        ("see https://h/x#y, or https://h?", "see https://h/x#y, or https://h?"),
        ("u:p@h?x=y", "u:p@h?x=y"),
    ],
)
def test_urls_in_a_text(text: str, shown: str) -> None:
    assert plain_urls(text) == shown


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("http://u:s3cret@h/x?token=s3cret", "http://h/x?…"),
        ('http://u:"s3 cret"@h/x?a="s3 cret"', "http://h/x?…"),
        ("http://h/x#s3cret", "http://h/x?…"),
        ("http://169.254.170.23/v1/credentials", "http://169.254.170.23/v1/credentials"),
        ("prod", "prod"),
    ],
)
def test_a_url_in_a_variable(value: str, kept: str) -> None:
    assert plain_url(value) == kept


@pytest.mark.parametrize("piece", ["://a:x", "://", "://a?", "://a:x/@", "?."])
def test_a_long_text_takes_no_longer_than_its_length(piece: str) -> None:
    text = f"http://{piece * 100_000}"
    assert len(plain_urls(text)) <= len(text) + 1
    assert len(plain_url(text)) <= len(text) + 2
