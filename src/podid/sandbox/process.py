"""The detached sandbox: start, stop, status, env, reset. Imports neither moto nor boto3.

The nonce identifies a running sandbox: the process on the port of the state file must answer a challenge with it. A pid
alone proves nothing, because the system reuses pids.
"""

import contextlib
import http.client
import importlib.util
import json
import os
import secrets
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podid.calls.deadline import NEVER
from podid.domain.errors import Conflict, NotFound, Other, PodidError, TimedOut, Unavailable
from podid.local.processes import install_command, python
from podid.sandbox import state
from podid.sandbox.state import SandboxState

UNSET = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_ENDPOINT_URL_EKS",
    "AWS_ENDPOINT_URL_EKS_AUTH",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_EC2",
    "AWS_ENDPOINT_URL_CLOUDFORMATION",
    "AWS_ENDPOINT_URL_CLOUDTRAIL",
    "AWS_ENDPOINT_URL_ACCESSANALYZER",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_SNS",
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_ORGANIZATIONS",
    "AWS_ENDPOINT_URL_ACCOUNT",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
)
_START_SECONDS = 20.0
_STOP_SECONDS = 5.0
# creating a failure mode simulates several minutes of the sandbox's time
_COMMAND_SECONDS = 60.0
_LARGEST_ANSWER = 1024 * 1024
_NEEDED = ("moto", "cryptography", "xmltodict")


@dataclass(frozen=True, slots=True)
class Running:
    """A running sandbox. `already` if it ran before `start`. Contains no secret."""

    endpoint_url: str
    pid: int
    cluster: str
    account: str
    region: str
    kubeconfig: str
    started_at: float
    log: str
    already: bool = False


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """The state of the sandbox. `running` is None if no sandbox runs; `stale` if the state file belongs to a dead
    one."""

    running: Running | None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class SandboxStopped:
    """The result of a stop: whether a sandbox ran, and its directory."""

    was_running: bool
    endpoint_url: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables that a shell must set and unset. `secret_access_key` is valid only in the sandbox."""

    export: Mapping[str, str]
    unset: tuple[str, ...]

    def shell(self) -> str:
        """Return lines for `eval`, quoted for POSIX shells."""
        unset = f"unset {' '.join(self.unset)}"
        return "\n".join([unset, *(f"export {name}={shlex.quote(value)}" for name, value in self.export.items())])


def start(
    *,
    directory: Path,
    port: int = 0,
    samples: bool = False,
    migration: str = "",
    kubernetes: bool = True,
    cluster: str = "demo",
    region: str = "us-west-2",
    timeout: float = _START_SECONDS,
) -> Running:
    """Start the sandbox and return when it answers. If one runs already, return that one (`already`).

    Raise PodidError without the extra, Conflict if `port` is taken or the sandbox runs on another port or without the
    samples, TimedOut if the sandbox does not answer within `timeout` seconds.
    """
    require_extra()
    state.prepare(directory)
    with state.locked(directory):
        running = state.read(directory)
        if running is not None and _answers(running):
            if difference := _difference(running, port, samples, migration):
                raise Conflict(
                    f"The sandbox is already running, {difference}",
                    advice="Stop the sandbox, and start it again.",
                    hint=Other(("sandbox", "stop")),
                    subject=_url(running),
                )
            return _running(running, directory, already=True)
        state.remove(directory)
        options = {
            "nonce": secrets.token_urlsafe(24),
            "directory": str(directory),
            "port": port,
            "cluster_name": cluster,
            "region": region,
            "samples": samples,
            "migration": migration,
            "kubernetes": kubernetes,
        }
        return _running(_launch(directory, options, timeout), directory)


def _difference(running: SandboxState, port: int, samples: bool, migration: str) -> str:
    """Return how the running sandbox differs from the requested one; empty if it serves."""
    if port not in (0, running.port):
        return f"on port {running.port} and not on {port}"
    if migration not in ("", running.migration):
        return f"without the samples for {migration}"
    return "without samples" if samples and not running.samples else ""


def stop(*, directory: Path) -> SandboxStopped:
    """Stop the sandbox of the state file, and remove a stale file. Raise Unavailable if the sandbox does not end."""
    if not directory.is_dir():
        return SandboxStopped(False)
    with state.locked(directory):
        running = state.read(directory)
        if running is None or not _answers(running):
            state.remove(directory)
            return SandboxStopped(False)
        _command(running, {"command": "stop"})
        deadline = time.monotonic() + _STOP_SECONDS
        while _answers(running):
            if time.monotonic() > deadline:
                raise Unavailable(f"the sandbox on port {running.port} did not stop", subject=_url(running))
            time.sleep(0.02)
        state.remove(directory)
        return SandboxStopped(True, _url(running))


def status(*, directory: Path) -> SandboxStatus:
    """Return the state of the sandbox as its process reports it; the state file alone proves nothing."""
    running = state.read(directory)
    if running is None:
        return SandboxStatus(None)
    return SandboxStatus(_running(running, directory)) if _answers(running) else SandboxStatus(None, stale=True)


def env(*, directory: Path) -> Environment:
    """Return the variables that point the AWS CLI, boto3 and kubectl to the sandbox. Raise NotFound if none runs."""
    running = _require_running(directory)
    # defaults for another account must not apply here
    settings = {"PODID_CONFIG": str(directory / "config.toml")}
    return Environment({**running.environment, **settings, **_past_proxies(os.environ)}, UNSET)


def reset(*, directory: Path) -> Running:
    """Restore the baseline in the running sandbox. Raise NotFound if none runs."""
    running = _require_running(directory)
    _command(running, {"command": "reset"})
    return _running(running, directory, already=True)


def broken(*, directory: Path) -> dict[str, str]:
    """Return the subject of each existing failure mode by id. Raise NotFound if no sandbox runs."""
    return _pairs(command({"command": "broken"}, directory=directory))


def put_in_place(mode: str, *, directory: Path) -> str:
    """Create a failure mode in the running sandbox and return its subject. Raise NotFound if no sandbox runs, and
    Conflict if the failure mode exists already or cannot be reproduced in the sandbox's current state."""
    if mode in broken(directory=directory):
        raise Conflict(
            f"Failure mode {mode} is already in place", hint=Other(("sandbox", "heal"), flags=(mode,)), subject=mode
        )
    return str(command({"command": "break", "id": mode}, directory=directory))


def heal(mode: str = "", *, directory: Path) -> dict[str, str]:
    """Remove one failure mode, or all, and return their subjects by id. Raise NotFound if no sandbox runs."""
    return _pairs(command({"command": "heal", "id": mode}, directory=directory))


def _pairs(result: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in result.items()} if isinstance(result, dict) else {}


def command(arguments: Mapping[str, object], *, directory: Path) -> object:
    """Run one command of the admin channel (admin.py). Raise NotFound if no sandbox runs."""
    return _command(_require_running(directory), arguments)


def require_extra() -> None:
    """Raise PodidError if the packages of the extra are not installed."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise PodidError(
            "the sandbox requires additional packages: install podid[sandbox]",
            hint=install_command("sandbox"),
            subject=", ".join(missing),
        )


def _past_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Exclude loopback from the proxies, and keep the user's exclusions."""
    if not any(value and name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name, value in environ.items()):
        return {}
    names = [name for name in ("NO_PROXY", "no_proxy") if environ.get(name)] or ["NO_PROXY"]
    return {name: ",".join(filter(None, (environ.get(name), "127.0.0.1", "localhost"))) for name in names}


def _require_running(directory: Path) -> SandboxState:
    running = state.read(directory)
    if running is None or not _answers(running):
        raise NotFound("no sandbox is running", hint=Other(("sandbox", "start")))
    return running


def _launch(directory: Path, options: Mapping[str, object], timeout: float) -> SandboxState:
    log = state.open_log(directory)
    try:
        process = subprocess.Popen(  # noqa: S603  podid itself
            python("podid.sandbox.serve"),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))},
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(log)
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(json.dumps(options).encode())
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        running = state.read(directory)
        if running is not None and running.nonce == options["nonce"] and _answers(running):
            # the process is detached on purpose: without this, Popen warns that it is still running
            process.returncode = 0
            return running
        if process.poll() is not None:
            raise _failed_start(process.returncode, directory)
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=_STOP_SECONDS)
    raise TimedOut(f"the sandbox did not answer within {timeout:g} seconds; see {state.log_path(directory)}")


def _failed_start(code: int, directory: Path) -> PodidError:
    from podid.sandbox.serve import PORT_TAKEN

    if code == PORT_TAKEN:
        return Conflict("another process uses the port", advice="Omit --port to use a free port.")
    return PodidError(f"the sandbox ended with code {code} during startup; see {state.log_path(directory)}")


def _running(running: SandboxState, directory: Path, *, already: bool = False) -> Running:
    return Running(
        endpoint_url=_url(running),
        pid=running.pid,
        cluster=running.cluster,
        account=running.account,
        region=running.region,
        kubeconfig=running.environment.get("KUBECONFIG", ""),
        started_at=running.started_at,
        log=str(state.log_path(directory)),
        already=already,
    )


def _url(running: SandboxState) -> str:
    return f"http://127.0.0.1:{running.port}"


def _answers(running: SandboxState) -> bool:
    """Return whether the process on the port proves that it holds the nonce."""
    from podid.sandbox.state import HELLO, proof

    challenge = secrets.token_hex(16)
    try:
        answer = _request(running.port, "GET", f"{HELLO}?{challenge}", {}, timeout=2.0)
        return secrets.compare_digest(str(answer.get("proof", "")).encode(), proof(running.nonce, challenge).encode())
    except (OSError, http.client.HTTPException, ValueError):
        return False


def _command(running: SandboxState, arguments: Mapping[str, object]) -> object:
    from podid.sandbox.state import COMMAND, NONCE_HEADER

    try:
        answer = _request(
            running.port, "POST", COMMAND, {NONCE_HEADER: running.nonce}, arguments, timeout=_COMMAND_SECONDS
        )
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(f"the sandbox on port {running.port} did not answer", subject=_url(running)) from error
    if "result" not in answer:
        raise Conflict(f"The sandbox refused the command: {answer.get('message', '')}", subject=_url(running))
    return answer["result"]


def _request(
    port: int,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: Mapping[str, object] | None = None,
    *,
    timeout: float,
) -> dict[str, Any]:
    """Return the JSON object of the answer, {} for anything else. Any process may listen on the port: the whole
    exchange has `timeout` seconds, and the number of bytes is limited. Raise OSError, HTTPException or ValueError."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def ask() -> bytes:
        connection.request(method, path, json.dumps(body) if body is not None else None, dict(headers))
        return connection.getresponse().read(_LARGEST_ANSWER)

    try:
        document = json.loads(NEVER.wait(ask, timeout))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    finally:
        connection.close()
    return document if isinstance(document, dict) else {}
