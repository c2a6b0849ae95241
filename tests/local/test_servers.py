"""The credentials endpoint answers only its own command. And the server of metrics."""

import http.client
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from harness import table
from podid.domain.errors import AccessDenied
from podid.local.servers import PATH, CredentialsEndpoint, Metric, Telemetry, exposition

BODY = {"AccessKeyId": "ASIAEXAMPLE", "Token": "t"}


@contextmanager
def serving(error: Exception | None = None) -> Iterator[CredentialsEndpoint]:
    def issue() -> Mapping[str, str]:
        if error is not None:
            raise error
        return BODY

    with CredentialsEndpoint(issue) as endpoint:
        yield endpoint


def ask(endpoint: CredentialsEndpoint, path: str = PATH, method: str = "GET", **headers: str) -> tuple[int, str]:
    host, _, port = endpoint.url.removeprefix("http://").removesuffix(PATH).partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    try:
        connection.request(method, path, headers={"Authorization": endpoint.token, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_command_gets_the_credentials() -> None:
    with serving() as endpoint:
        status, body = ask(endpoint)
        assert (status, json.loads(body)) == (200, BODY)
        assert endpoint.url.startswith("http://127.0.0.1:")
        assert len(endpoint.token) >= 43
    with serving() as another:
        assert another.token != endpoint.token
    with pytest.raises(ConnectionRefusedError):
        ask(endpoint)


@pytest.mark.parametrize("token", ["", "x", "Bearer x", "\xe9"])
def test_a_wrong_token_is_refused(token: str) -> None:
    with serving() as endpoint:
        for word in (token, endpoint.token[:-1], endpoint.token + "x", f"Bearer {endpoint.token}"):
            status, body = ask(endpoint, Authorization=word)
            assert status == 403
            assert "ASIA" not in body
            assert endpoint.token not in body


@pytest.mark.parametrize("host", ["localhost", "evil.example", "127.0.0.1", "127.0.0.1:1", ""])
def test_another_host_is_refused(host: str) -> None:
    """A web page can resolve its own name to 127.0.0.1."""
    with serving() as endpoint:
        status, body = ask(endpoint, Host=host)
        assert (status, "ASIA" in body) == (403, False)


@table("path", ["/", "/v1", f"{PATH}/", f"{PATH}?x=1", "/latest/meta-data", f"/..{PATH}"])
def test_another_path_is_not_served(path: str) -> None:
    with serving() as endpoint:
        assert ask(endpoint, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "OPTIONS", "DELETE"])
def test_another_method_is_not_served(method: str) -> None:
    with serving() as endpoint:
        status, body = ask(endpoint, method=method)
        assert (status, "ASIA" in body) == (405, False)


def test_a_failure_is_passed_on_as_an_error_of_the_endpoint() -> None:
    with serving(AccessDenied("no more", permission="eks-auth:AssumeRoleForPodIdentity")) as endpoint:
        status, body = ask(endpoint)
        assert (status, json.loads(body)) == (500, {"code": "AccessDenied", "message": "no more"})


def test_a_connection_that_breaks_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    import socket

    with serving() as endpoint:
        port = int(endpoint.url.rpartition(":")[2].partition("/")[0])
        for sent in (b"", b"GET", b"\x00\xff\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
                raw.sendall(sent)
        assert ask(endpoint)[0] == 200
    assert capfd.readouterr() == ("", "")


def test_metrics_and_health_have_a_server() -> None:
    healthy = [True]
    with Telemetry("127.0.0.1", 0, lambda: "metric 1\n", lambda: healthy[0]) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        assert urllib.request.urlopen(f"{url}/metrics", timeout=5).read() == b"metric 1\n"
        assert urllib.request.urlopen(f"{url}/healthz", timeout=5).status == 200
        healthy[0] = False
        for path, code in (("/healthz", 503), ("/other", 404)):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(url + path, timeout=5)
            assert refused.value.code == code


@table(
    ("method", "path", "code", "body"),
    [
        ("GET", "/metrics?x=y", 200, b"metric 1\n"),
        ("GET", "/metrics/", 200, b"metric 1\n"),
        ("GET", "/healthz?full", 200, b"ok\n"),
        ("GET", "http://pod/metrics", 200, b"metric 1\n"),
        ("HEAD", "/metrics", 200, b""),
        ("HEAD", "/other", 404, b""),
        ("POST", "/metrics", 405, b""),
        ("DELETE", "/healthz", 405, b""),
        ("GET", "/metricsx", 404, b"not found\n"),
        ("GET", "/", 404, b"not found\n"),
    ],
)
def test_methods_and_paths_of_metrics(method: str, path: str, code: int, body: bytes) -> None:
    with Telemetry("127.0.0.1", 0, lambda: "metric 1\n", lambda: True) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
        connection.request(method, path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (code, body)
        assert answer.getheader("Allow") == ("GET, HEAD" if code == 405 else None)
        connection.close()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="the machine has no IPv6")
@table(("host", "asked"), [("", "127.0.0.1"), ("", "[::1]"), ("[::1]", "[::1]"), ("::1", "[::1]")])
def test_a_pod_with_addresses_of_ipv6_only_is_served(host: str, asked: str) -> None:
    with Telemetry(host, 0, str, lambda: True) as server:
        assert urllib.request.urlopen(f"http://{asked}:{server.server_port}/healthz", timeout=5).status == 200


def test_labels_of_metrics_are_escaped() -> None:
    assert exposition((Metric("a", "gauge", "b", {'x"\n\\': 1.0}, "c"),)).endswith('a{c="x\\"\\n\\\\"} 1.0\n')


def test_the_end_of_the_block_does_not_wait_for_a_poll() -> None:
    """The default poll of half a second delayed the end of `podid exec`."""
    start = time.monotonic()
    for _ in range(4):
        with CredentialsEndpoint(dict):
            pass
    assert time.monotonic() - start < 1.5
