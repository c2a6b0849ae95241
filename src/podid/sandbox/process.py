"""The detached sandbox: start, stop, status, env, reset. Imports neither moto nor boto3.

A running sandbox is known by its nonce: whatever listens on the port of the state file must answer a challenge with
it. A pid alone proves nothing, since pids are used again.
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
from podid.local.processes import python
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
    "AWS_ENDPOINT_URL_CLOUDTRAIL",
    "AWS_ENDPOINT_URL_ACCESSANALYZER",
)
_START_SECONDS = 20.0
_STOP_SECONDS = 5.0
# a failure mode that is put in place has stood for minutes of the sandbox's time when it is
_COMMAND_SECONDS = 60.0
_LARGEST_ANSWER = 1024 * 1024
_NEEDED = ("moto", "flask", "flask_cors", "cryptography", "xmltodict")


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that answered; `already` when `start` found it running. Carries no secret."""

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
    """`running` is None when no sandbox runs; `stale` when a state file of a dead one lay there."""

    running: Running | None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class SandboxStopped:
    """The result of a stop: whether a sandbox ran, and its directory."""

    was_running: bool
    endpoint_url: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables that a shell must set and unset. `secret_access_key` is the sandbox's own and opens nothing
    else."""

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
    """Start the sandbox and returns once it answers, or finds the one that runs (`already`).

    PodidError without the extra; Conflict when `port` is taken, or when the sandbox runs on another; TimedOut when it
    does not answer in `timeout` seconds.
    """
    require_extra()
    state.prepare(directory)
    with state.locked(directory):
        found = state.read(directory)
        if found is not None and _answers(found):
            if port not in (0, found.port):
                raise Conflict(
                    f"The sandbox is already running, on port {found.port} and not on {port}",
                    hint=Other(("sandbox", "stop")),
                    subject=_url(found),
                )
            return _running(found, directory, already=True)
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


def stop(*, directory: Path) -> SandboxStopped:
    """Stop the sandbox of the state file; a stale file is removed. Unavailable when it does not end."""
    if not directory.is_dir():
        return SandboxStopped(False)
    with state.locked(directory):
        found = state.read(directory)
        if found is None or not _answers(found):
            state.remove(directory)
            return SandboxStopped(False)
        _command(found, {"command": "stop"})
        deadline = time.monotonic() + _STOP_SECONDS
        while _answers(found):
            if time.monotonic() > deadline:
                raise Unavailable(f"the sandbox on port {found.port} did not stop", subject=_url(found))
            time.sleep(0.02)
        state.remove(directory)
        return SandboxStopped(True, _url(found))


def status(*, directory: Path) -> SandboxStatus:
    """Return the running sandbox; ask the process, not the file."""
    found = state.read(directory)
    if found is None:
        return SandboxStatus(None)
    return SandboxStatus(_running(found, directory)) if _answers(found) else SandboxStatus(None, stale=True)


def env(*, directory: Path) -> Environment:
    """Return the variables that lead the AWS CLI, boto3 and kubectl to the sandbox; NotFound when none runs."""
    found = _require_running(directory)
    # defaults for another account must not apply here
    settings = {"PODID_CONFIG": str(directory / "config.toml")}
    return Environment({**found.environment, **settings, **_past_proxies(os.environ)}, UNSET)


def reset(*, directory: Path) -> Running:
    """Bring the baseline back in the running sandbox; NotFound when none runs."""
    found = _require_running(directory)
    _command(found, {"command": "reset"})
    return _running(found, directory, already=True)


def broken(*, directory: Path) -> dict[str, str]:
    """Return the failure modes that are in place, and whom each is about; NotFound when no sandbox runs."""
    return _pairs(command({"command": "broken"}, directory=directory))


def put_in_place(mode: str, *, directory: Path) -> str:
    """Break the running sandbox in one way; whom that is about. NotFound when none runs, Conflict where it is broken
    in this way already, or where what is in it does not allow that."""
    if mode in broken(directory=directory):
        raise Conflict(
            f"Failure mode {mode} is already in place", hint=Other(("sandbox", "heal"), flags=(mode,)), subject=mode
        )
    return str(command({"command": "break", "id": mode}, directory=directory))


def heal(mode: str = "", *, directory: Path) -> dict[str, str]:
    """Take one failure mode away again, or all of them; those that were there. NotFound when no sandbox runs."""
    return _pairs(command({"command": "heal", "id": mode}, directory=directory))


def _pairs(result: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in result.items()} if isinstance(result, dict) else {}


def command(arguments: Mapping[str, object], *, directory: Path) -> object:
    """Carry out one command of the admin channel, see admin.py; NotFound when no sandbox runs."""
    return _command(_require_running(directory), arguments)


def require_extra() -> None:
    """PodidError when what the sandbox needs is not installed."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise PodidError(
            "the sandbox requires additional packages: install podid[sandbox]",
            hint=("pip", "install", "podid[sandbox]"),
            subject=", ".join(missing),
        )


def _past_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Loopback must not go through a proxy; what the user already excludes stays excluded."""
    if not any(value and name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name, value in environ.items()):
        return {}
    names = [name for name in ("NO_PROXY", "no_proxy") if environ.get(name)] or ["NO_PROXY"]
    return {name: ",".join(filter(None, (environ.get(name), "127.0.0.1", "localhost"))) for name in names}


def _require_running(directory: Path) -> SandboxState:
    found = state.read(directory)
    if found is None or not _answers(found):
        raise NotFound("no sandbox is running", hint=Other(("sandbox", "start")))
    return found


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
        found = state.read(directory)
        if found is not None and found.nonce == options["nonce"] and _answers(found):
            process.returncode = 0  # detached on purpose: without this, Popen warns that it is still running
            return found
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


def _running(found: SandboxState, directory: Path, *, already: bool = False) -> Running:
    return Running(
        endpoint_url=_url(found),
        pid=found.pid,
        cluster=found.cluster,
        account=found.account,
        region=found.region,
        kubeconfig=found.environment.get("KUBECONFIG", ""),
        started_at=found.started_at,
        log=str(state.log_path(directory)),
        already=already,
    )


def _url(found: SandboxState) -> str:
    return f"http://127.0.0.1:{found.port}"


def _answers(found: SandboxState) -> bool:
    """Return whether the process on the port can prove that it knows the nonce."""
    from podid.sandbox.state import HELLO, proof

    challenge = secrets.token_hex(16)
    try:
        answer = _request(found.port, "GET", f"{HELLO}?{challenge}", {}, timeout=2.0)
        return secrets.compare_digest(str(answer.get("proof", "")).encode(), proof(found.nonce, challenge).encode())
    except (OSError, http.client.HTTPException, ValueError):
        return False


def _command(found: SandboxState, arguments: Mapping[str, object]) -> object:
    from podid.sandbox.state import COMMAND, NONCE_HEADER

    try:
        answer = _request(found.port, "POST", COMMAND, {NONCE_HEADER: found.nonce}, arguments, timeout=_COMMAND_SECONDS)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(f"the sandbox on port {found.port} did not answer", subject=_url(found)) from error
    if "result" not in answer:
        raise Conflict(f"The sandbox refused the command: {answer.get('message', '')}", subject=_url(found))
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
    """Return the answer, {} when it is no object. What listens there may be anybody: it gets `timeout` seconds as a
    whole, and no more is read than a sandbox says. Raises OSError, HTTPException, ValueError."""
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
