"""Servers that drip, never end or lie about pages, and plugins that sleep: podid is out in time, with exit 7."""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, repeat
from pathlib import Path

import pytest

from harness import Outcome, Podid, one_in
from podid.sandbox.http import HttpAnswer
from worlds import ORDERS, Site, trust_for

from .front import Call, Front, Genuine, drip, in_front, silence, without_end

pytestmark = pytest.mark.sampled(3)

# what a command takes beside waiting, on a machine that is busy with other tests
SLACK = 4.0


def timed(site: Site, front: Front, *argv: str) -> tuple[Outcome, float]:
    """In real time, as a process would run it."""
    site.podid.clock, site.podid.sleep = None, None
    with in_front(site, front):
        began = time.monotonic()
        return site(*argv), time.monotonic() - began


def only(service: str, operation: str, answer: Front) -> Front:
    """`answer` for one operation; everything else is answered as ever."""

    def front(call: Call, genuine: Genuine) -> HttpAnswer:
        kubernetes = service == "kubernetes" and operation in call.operation
        meant = call.service == service and (call.operation == operation or kubernetes)
        return answer(call, genuine) if meant else genuine()

    return front


def dripping(call: Call, genuine: Genuine) -> HttpAnswer:
    found = genuine()
    return HttpAnswer(found.status, found.headers, chunks=drip(found.body or b" " * 100))


def endless(call: Call, genuine: Genuine) -> HttpAnswer:
    found = genuine()
    return HttpAnswer(found.status, found.headers, chunks=without_end())


def silent(call: Call, genuine: Genuine) -> HttpAnswer:
    return silence(10)


def turning(tokens: Iterator[str]) -> Front:
    """The first page again and again, each time with a token for another one."""
    first: list[HttpAnswer] = []

    def answer(call: Call, genuine: Genuine) -> HttpAnswer:
        if not first:
            first.append(genuine())
        (found,), token = first, next(tokens)
        if call.service == "iam":
            more = f"<IsTruncated>true</IsTruncated><Marker>{token}</Marker>".encode()
            body = found.body.replace(b"<IsTruncated>false</IsTruncated>", more)
            assert body != found.body
        else:
            document = json.loads(found.body)
            kubernetes = call.service == "kubernetes"
            holder, name = (document["metadata"], "continue") if kubernetes else (document, "nextToken")
            holder[name] = token
            body = json.dumps(document).encode()
        return HttpAnswer(found.status, found.headers, body)

    return answer


@pytest.mark.parametrize(
    ("how", "service", "operation", "line"),
    one_in(
        3,
        [
            (how, *call)
            for call in (
                ("sts", "GetCallerIdentity", "whoami"),
                ("eks", "DescribeCluster", "doctor"),
                ("eks", "ListPodIdentityAssociations", "list"),
                ("eks", "DescribePodIdentityAssociation", "show shop/orders"),
                ("iam", "ListRoles", "role list"),
                ("kubernetes", "/pods", "restart -n shop --yes"),
            )
            for how in (dripping, silent)
        ],
    )
    + [(how, "eks", "DescribePodIdentityAssociation", "list") for how in (dripping, silent)],
)
def test_a_slow_answer(healthy: Site, how: Front, service: str, operation: str, line: str) -> None:
    outcome, took = timed(healthy, only(service, operation, how), *line.split(), "--timeout", "0.5s")
    assert (outcome.code, outcome.stdout) == (7, ""), outcome
    assert took < 0.5 + SLACK
    assert "he 0.5 s of --timeout" in outcome.stderr


@pytest.mark.parametrize(
    ("service", "operation", "argv"),
    [
        ("sts", "GetCallerIdentity", ("whoami",)),
        ("eks", "ListPodIdentityAssociations", ("list",)),
        ("kubernetes", "/pods", ("restart", "-n", "shop", "--yes")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_an_answer_without_end(healthy: Site, service: str, operation: str, argv: tuple[str, ...]) -> None:
    outcome, took = timed(healthy, only(service, operation, endless), *argv)
    assert (outcome.code, outcome.stdout) == (7, ""), outcome
    assert took < 30
    assert "cannot be read: it is larger than" in outcome.stderr


LISTS = pytest.mark.parametrize(
    ("service", "operation", "argv"),
    [
        ("eks", "ListPodIdentityAssociations", ("list",)),
        ("iam", "ListRoles", ("role", "list")),
        ("kubernetes", "/pods", ("restart", "-n", "shop", "--yes")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)


@LISTS
def test_the_same_page_again(healthy: Site, service: str, operation: str, argv: tuple[str, ...]) -> None:
    outcome, _ = timed(healthy, only(service, operation, turning(repeat("again"))), *argv)
    assert outcome.code == 7, outcome
    assert "the same page repeatedly" in outcome.stderr


@LISTS
def test_another_page_each_time(
    healthy: Site, monkeypatch: pytest.MonkeyPatch, service: str, operation: str, argv: tuple[str, ...]
) -> None:
    monkeypatch.setattr("podid.domain.foreign.MOST_PAGES", 1_000_000)
    outcome, took = timed(healthy, only(service, operation, turning(map(str, count()))), *argv, "--timeout", "0.5s")
    assert (outcome.code, outcome.stdout) == (7, ""), outcome
    assert took < 0.5 + SLACK
    assert "he 0.5 s of --timeout" in outcome.stderr


def test_pages_that_do_not_end(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podid.domain.foreign.MOST_PAGES", 20)
    for service, operation, argv in (
        ("eks", "ListPodIdentityAssociations", ("list",)),
        ("kubernetes", "/pods", ("restart", "-n", "shop", "--yes")),
    ):
        outcome, _ = timed(healthy, only(service, operation, turning(map(str, count()))), *argv)
        assert (outcome.code, outcome.stdout) == (7, "")
        assert "it has more than 20" in outcome.stderr


def test_a_change_with_a_dripping_answer_is_read_back(healthy: Site) -> None:
    argv = ("associate", "payments/billing-worker", "--role", "billing-worker")
    front = only("eks", "CreatePodIdentityAssociation", dripping)
    outcome, took = timed(healthy, front, *argv, "--wait", "api", "--timeout", "2s")
    assert took < 2 + SLACK
    assert (outcome.code, "created" in outcome.stdout) == (0, True), outcome


def test_a_look_that_comes_too_late_leaves_what_the_one_before_showed(healthy: Site) -> None:
    iam = healthy.aws("iam")
    iam.create_role(RoleName="next", AssumeRolePolicyDocument=json.dumps(trust_for(ORDERS)))
    healthy.box.world.delays.association = 600
    healthy.must("associate", "shop/orders", "--role", "next", "--replace", "--wait", "api")
    looks = count()

    def later(call: Call, genuine: Genuine) -> HttpAnswer:
        return silent(call, genuine) if next(looks) else genuine()

    argv = ("verify", "shop/orders", "--yes", "--timeout", "4s", "-o", "json")
    outcome, took = timed(healthy, only("eks", "DescribePodIdentityAssociation", later), *argv)
    assert took < 4 + SLACK
    assert (outcome.code, next(looks) > 1) == (3, True), outcome
    assert "the change may not be in effect yet" in str(outcome.json["newPod"]), outcome


@contextmanager
def raw_server(answer: bytes, pause: float) -> Iterator[str]:
    """Sends `answer` byte by byte to whoever connects, whatever they ask."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                for number in range(len(answer)):
                    connection.sendall(answer[number : number + 1])
                    time.sleep(pause)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def test_headers_that_drip() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-west-2"}
    with raw_server(b"HTTP/1.1 200 OK\r\nx-filler: " + b"y" * 1000, 0.1) as url, pytest.MonkeyPatch.context() as patch:
        env = {**keys, "AWS_ENDPOINT_URL": url}
        for name, value in env.items():
            patch.setenv(name, value)
        began = time.monotonic()
        outcome = Podid(env=env)("whoami", "--timeout", "1s")
    assert (outcome.code, outcome.stdout) == (7, ""), outcome
    assert time.monotonic() - began < 1 + SLACK
    assert "STS sent an incomplete answer to GetCallerIdentity for the caller in the 1 s of --timeout" in outcome.stderr


# --- programs that give credentials -----------------------------------------------------------------------------------

SLEEPS = "import time; time.sleep(60)"
CHATTERS = "while True: print('x' * 65536)"
COMPLAINS = "import sys; sys.exit('s3cret\\x1b[31m ::error ::forged')"


def kubeconfig(site: Site, code: str) -> str:
    document = site.kube.kubeconfig("unused")
    plugin = {"command": sys.executable, "args": ["-c", code], "apiVersion": "client.authentication.k8s.io/v1"}
    document["users"][0]["user"] = {"exec": plugin}
    path = site.directory / "kubeconfig-plugin"
    path.write_text(json.dumps(document))
    return str(path)


def genuine_only(call: Call, genuine: Genuine) -> HttpAnswer:
    return genuine()


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        (SLEEPS, 7, "returned no credentials in the 1 s of --timeout"),
        (CHATTERS, 4, "printed more than a credential"),
        (COMPLAINS, 4, "failed with exit code 1"),
        ("print('{}')", 4, "is not a credential: apiVersion is missing"),
        ("print('[' * 100000)", 4, "is not a credential: it is not JSON"),
    ],
    ids=["sleeps", "chatters", "complains", "empty", "deep"],
)
def test_an_exec_plugin(healthy: Site, capfd: pytest.CaptureFixture[str], code: str, exit_code: int, said: str) -> None:
    argv = ("restart", "-n", "shop", "--yes", "--kubeconfig", kubeconfig(healthy, code))
    seconds = 1 if code == SLEEPS else 5
    outcome, took = timed(healthy, genuine_only, *argv, "--timeout", f"{seconds}s")
    assert (outcome.code, outcome.stdout) == (exit_code, ""), outcome
    assert took < seconds + SLACK
    assert said in outcome.stderr
    assert "s3cret" not in outcome.stderr
    assert capfd.readouterr() == ("", "")


def test_a_plugin_that_hangs_leaves_no_process(healthy: Site, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); time.sleep(60)"
    argv = ("agent", "status", "--kubeconfig", kubeconfig(healthy, code), "--timeout", "2s")
    assert timed(healthy, genuine_only, *argv)[0].code == 7
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_a_server_that_nobody_checks_is_warned_of_once(healthy: Site, recwarn: pytest.WarningsRecorder) -> None:
    document = healthy.kube.kubeconfig(healthy.kube.admin_token)
    document["clusters"][0]["cluster"] = {"server": healthy.kube.endpoint, "insecure-skip-tls-verify": True}
    path = healthy.directory / "kubeconfig-unchecked"
    path.write_text(json.dumps(document))
    outcome = healthy("agent", "status", "--kubeconfig", str(path))
    assert outcome.code == 0, outcome
    assert outcome.stderr.count("insecure-skip-tls-verify") == 1
    assert not [warning for warning in recwarn if "Unverified" in str(warning.message)]


def test_a_credential_process_that_hangs_at_its_second_run(healthy: Site, tmp_path: Path) -> None:
    """Credentials that expire within minutes are renewed at the next call."""
    keys = {"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "x", "SessionToken": "y"}
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    program = tmp_path / "credentials.py"
    program.write_text(
        "import json, pathlib, time\n"
        f"mark = pathlib.Path({str(tmp_path / 'mark')!r})\n"
        "with mark.open('a') as file:\n"
        "    file.write('x')\n"
        "time.sleep(20 if mark.stat().st_size > 2 else 0)\n"
        f"print({json.dumps(json.dumps({**keys, 'Expiration': soon}))})\n"
    )
    config = Path(os.environ["AWS_CONFIG_FILE"])
    config.write_text(f"[profile slow]\ncredential_process = {sys.executable} {program}\n")
    outcome, took = timed(healthy, genuine_only, "whoami", "--profile", "slow", "--timeout", "3s")
    assert (outcome.code, outcome.stdout) == (7, ""), outcome
    assert took < 3 + SLACK
    assert "in the 3 s of --timeout" in outcome.stderr


def test_a_credential_process_that_hangs(healthy: Site) -> None:
    config = Path(os.environ["AWS_CONFIG_FILE"])
    config.write_text(f'[profile slow]\ncredential_process = {sys.executable} -c "import time; time.sleep(20)"\n')
    outcome, took = timed(healthy, genuine_only, "whoami", "--profile", "slow", "--timeout", "1s")
    assert (outcome.code, outcome.stdout) == (7, ""), outcome
    assert took < 1 + SLACK
    assert "AWS credentials of profile slow were returned in the 1 s of --timeout" in outcome.stderr
