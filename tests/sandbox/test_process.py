"""The detached sandbox: started once, found again by its nonce, stopped, and never confused with another process."""

import contextlib
import json
import os
import shlex
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import botocore.session
import pytest

from harness import Podid
from podid.aws.errors import SERVICE_NAMES
from podid.domain.errors import Conflict, InvalidInput, NotFound, Other, PodidError
from podid.local.processes import install_command
from podid.sandbox import process, state


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    where = tmp_path / "state" / "sandbox"
    yield where
    process.stop(directory=where)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_start_status_env_reset_stop(directory: Path) -> None:
    started = process.start(directory=directory, kubernetes=False)
    assert (started.cluster, started.account, started.region, started.already) == (
        "demo",
        "111122223333",
        "us-west-2",
        False,
    )
    assert process.status(directory=directory) == process.SandboxStatus(started)
    assert process.start(directory=directory).already
    assert [mode(directory), mode(directory / "state.json"), mode(directory / "sandbox.log")] == [0o700, 0o600, 0o600]
    environment = process.env(directory=directory)
    assert environment.export == {
        "AWS_ENDPOINT_URL": started.endpoint_url,
        "AWS_ACCESS_KEY_ID": environment.export["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": environment.export["AWS_SECRET_ACCESS_KEY"],
        "AWS_REGION": "us-west-2",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PODID_CONFIG": str(directory / "config.toml"),
    }
    process.command({"command": "fault", "kind": "fail"}, directory=directory)
    status = process.command({"command": "status"}, directory=directory)
    assert isinstance(status, dict)
    assert len(status["faults"]) == 1
    process.reset(directory=directory)
    assert process.command({"command": "status"}, directory=directory) | {"calls": {}} == status | {  # type: ignore[operator] # a dict, asserted above
        "faults": [],
        "calls": {},
    }
    assert process.stop(directory=directory) == process.SandboxStopped(True, started.endpoint_url)
    assert process.stop(directory=directory) == process.SandboxStopped(False)
    assert process.status(directory=directory) == process.SandboxStatus(None)
    with pytest.raises(NotFound, match="no sandbox is running"):
        process.env(directory=directory)


def test_both_halves_by_the_exported_variables(directory: Path) -> None:
    process.start(directory=directory, samples=True)
    script = (
        "import boto3, kubernetes as k\n"
        "k.config.load_kube_config()\n"
        "print(boto3.client('sts').get_caller_identity()['Arn'])\n"
        "print(len(k.client.CoreV1Api().list_node().items))\n"
        "print([a['serviceAccount'] for a in boto3.client('eks')"
        ".list_pod_identity_associations(clusterName='demo')['associations']])\n"
    )
    command = f"{process.env(directory=directory).shell()}\n{sys.executable} -c {shlex.quote(script)}"
    clean = {"PATH": os.environ["PATH"], "HOME": str(directory), "AWS_PROFILE": "no-such-profile"}
    done = subprocess.run(["/bin/sh", "-c", command], env=clean, capture_output=True, text=True, check=True)
    assert done.stdout == "arn:aws:iam::111122223333:user/podid-admin\n3\n['bilingworker']\n"
    assert mode(directory / "kubeconfig") == 0o600


def test_the_shell_lines_are_quoted() -> None:
    environment = process.Environment({"KUBECONFIG": "/tmp/it's here/$HOME"}, ("AWS_PROFILE", "AWS_SESSION_TOKEN"))
    assert environment.shell() == (
        "unset AWS_PROFILE AWS_SESSION_TOKEN\nexport KUBECONFIG='/tmp/it'\"'\"'s here/$HOME'"
    )


def test_no_service_is_asked_elsewhere() -> None:
    models = map(botocore.session.get_session().get_service_model, SERVICE_NAMES)
    assert {f"AWS_ENDPOINT_URL_{model.service_id.replace(' ', '_').upper()}" for model in models} <= {*process.UNSET}


def test_two_starts_at_once_make_one_sandbox(directory: Path) -> None:
    found: list[process.Running] = []
    threads = [
        threading.Thread(target=lambda: found.append(process.start(directory=directory, kubernetes=False)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.already for one in found) == [False, True]
    assert len({one.pid for one in found}) == 1


def test_a_busy_port(directory: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Conflict, match="another process uses the port"):
            process.start(directory=directory, kubernetes=False, port=taken.getsockname()[1])
    assert process.status(directory=directory) == process.SandboxStatus(None)


def test_another_port_than_the_running_one_is_refused_and_a_proxy_passed_by(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = process.start(directory=directory, kubernetes=False)
    port = int(started.endpoint_url.rsplit(":", 1)[-1])
    assert process.start(directory=directory, port=port).already
    with pytest.raises(Conflict, match=f"is already running, on port {port} and not on {port - 1}") as raised:
        process.start(directory=directory, port=port - 1)
    assert raised.value.hint == Other(("sandbox", "stop"))
    assert process.status(directory=directory).running == started
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", ".corp")
    monkeypatch.delenv("no_proxy", raising=False)
    assert process.env(directory=directory).export["NO_PROXY"] == ".corp,127.0.0.1,localhost"


def test_other_samples_than_those_of_the_running_one_are_refused(directory: Path) -> None:
    process.start(directory=directory, kubernetes=False)
    for migration, samples in (("", "samples"), ("irsa", "the samples for irsa")):
        with pytest.raises(Conflict, match=f"is already running, without {samples}$") as raised:
            process.start(directory=directory, samples=True, migration=migration)
        assert raised.value.hint == Other(("sandbox", "stop"))
    process.stop(directory=directory)
    process.start(directory=directory, kubernetes=False, samples=True, migration="irsa")
    assert process.start(directory=directory, samples=True, migration="irsa").already
    assert process.start(directory=directory, samples=True).already
    assert process.start(directory=directory).already


def old_state(directory: Path, port: int, pid: int) -> None:
    state.prepare(directory)
    state.write(directory, state.SandboxState(pid, port, "old-nonce", "1", "us-west-2", "demo", {}, 0.0))


def test_a_state_file_of_a_dead_process(directory: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    old_state(directory, port, os.getpid())
    assert process.status(directory=directory) == process.SandboxStatus(None, stale=True)
    started = process.start(directory=directory, kubernetes=False)
    assert not started.already
    assert process.status(directory=directory).running == started


class Impostor(BaseHTTPRequestHandler):
    """Another program on the port of a sandbox that died; remembers what it was told."""

    heard: list[str]

    def do_GET(self) -> None:
        self.heard.append(f"{self.path} {self.headers}")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"proof": "0" * 64, "result": "yes"}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_stop_spares_whoever_took_the_port_and_the_pid(directory: Path) -> None:
    Impostor.heard = []
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    server = HTTPServer(("127.0.0.1", 0), Impostor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        old_state(directory, server.server_port, bystander.pid)
        assert process.stop(directory=directory) == process.SandboxStopped(False)
        assert bystander.poll() is None
        assert not (directory / "state.json").exists()
        assert Impostor.heard
        assert not any("old-nonce" in text for text in Impostor.heard)
    finally:
        server.shutdown()
        server.server_close()
        bystander.communicate(b"\n")


@pytest.mark.parametrize(
    "said",
    [
        [b"HTTP/1.1 200 OK\r\n\r\n", *[b" "] * 1000],
        [b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000],
        [b'HTTP/1.1 200 OK\r\n\r\n{"proof": "\xc3\xa9"}'],
        [b"\x00" * 100],
    ],
    ids=["drips", "deep", "another alphabet", "no HTTP"],
)
def test_whoever_took_the_port_says_nothing_that_counts(directory: Path, said: list[bytes]) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    for piece in said:
                        connection.sendall(piece)
                        time.sleep(0.1)

    threading.Thread(target=serve, daemon=True).start()
    old_state(directory, listener.getsockname()[1], os.getpid())
    began = time.monotonic()
    assert process.status(directory=directory) == process.SandboxStatus(None, stale=True)
    assert time.monotonic() - began < 6
    listener.close()


def test_links_are_not_followed(directory: Path, tmp_path: Path) -> None:
    state.prepare(directory)
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text("{}")
    (directory / "state.json").symlink_to(elsewhere)
    assert process.status(directory=directory) == process.SandboxStatus(None)
    with pytest.raises(FileExistsError):
        old_state(directory, 1, 1)
    assert elsewhere.read_text() == "{}"


def test_a_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(Conflict, match="it is a symbolic link"):
        process.start(directory=tmp_path / "link", kubernetes=False)


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\u202eb"])
def test_a_directory_that_no_shell_line_can_carry_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="must be an absolute path without control characters") as raised:
        process.start(directory=tmp_path / name / "sandbox", kubernetes=False)
    assert raised.value.message.isprintable()
    with pytest.raises(InvalidInput, match="must be an absolute path"):
        process.start(directory=Path("sandbox"), kubernetes=False)


def test_a_directory_that_cannot_be_made_or_written_is_an_ordinary_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PodidError, match="sandbox cannot be written: Not a directory") as raised:
        process.start(directory=tmp_path / "file" / "podid" / "sandbox", kubernetes=False)
    assert raised.value.advice == "Set XDG_STATE_HOME to a directory that you can write to."
    for taken in ("lock", "sandbox.log"):
        directory = tmp_path / f"taken-{taken}"
        (directory / taken).mkdir(parents=True)
        with pytest.raises(PodidError, match="cannot be written: it is a directory"):
            process.start(directory=directory, kubernetes=False)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PodidError) as raised:
        process.start(directory=directory)
    assert raised.value.message == "the sandbox requires additional packages: install podid[sandbox]"
    assert raised.value.hint == install_command("sandbox")
    # before the first line of the tour
    demo = Podid(env={"HOME": str(directory)})("demo")
    assert (demo.code, demo.stdout) == (1, "")
    assert "podid[sandbox]" in demo.stderr


def test_process_control_imports_nothing_heavy() -> None:
    script = (
        "import sys, podid.sandbox.process;"
        "print(sorted({'moto','boto3','botocore','kubernetes','flask','yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
