"""What the `podid sandbox` commands do. The sandbox is a program of its own: podid only starts and stops it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from podid.domain.exit_codes import ExitCode
from podid.render.associations import facts
from podid.render.view import Document, View, document

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation
    from podid.sandbox.process import Running

_PLAY = 'eval "$(podid sandbox env)"'


def run_start(run: Invocation, *, port: int, samples: bool) -> None:
    from podid.sandbox import process

    with run.working("starting the sandbox"):
        running = process.start(directory=_directory(run), port=port, samples=samples)
    run.emit(_view(running, "already running" if running.already else "running"))
    run.note(f"To use it:  {_PLAY}")


def run_stop(run: Invocation) -> None:
    from podid.sandbox import process

    stopped = process.stop(directory=_directory(run))
    state = "stopped" if stopped.was_running else "not running"
    run.emit(View(document("Sandbox", {"state": state}), text=f"sandbox {state}\n", names=(state,)))


def run_status(run: Invocation) -> None:
    from podid.sandbox import process

    found = process.status(directory=_directory(run))
    if found.running is not None:
        run.emit(_view(found.running, "running"))
        return
    text = "sandbox not running" + (" (a state file of a dead one was found)" if found.stale else "") + "\n"
    run.emit(View(document("Sandbox", {"state": "not running"}), text=text, names=("not running",)))
    run.exit(ExitCode.ATTENTION)


def run_env(run: Invocation) -> None:
    from podid.sandbox import process

    environment = process.env(directory=_directory(run))
    body: Document = {"export": dict(environment.export), "unset": list(environment.unset)}
    run.emit(View(document("SandboxEnvironment", body), text=environment.shell(), names=tuple(environment.export)))


def run_reset(run: Invocation) -> None:
    from podid.sandbox import process

    with run.working("resetting the sandbox"):
        running = process.reset(directory=_directory(run))
    run.emit(_view(running, "reset"))


def _directory(run: Invocation) -> Path:
    return run.runtime.state_dir() / "sandbox"


def _view(running: Running, state: str) -> View:
    body: Document = {
        "state": state,
        "endpointUrl": running.endpoint_url,
        "account": running.account,
        "region": running.region,
        "cluster": running.cluster,
        "kubeconfig": running.kubeconfig or None,
        "pid": running.pid,
        "log": running.log,
    }
    pairs = [
        ("sandbox", state),
        ("AWS endpoint", running.endpoint_url),
        ("account", running.account),
        ("region", running.region),
        ("cluster", running.cluster),
        ("kubeconfig", running.kubeconfig or "none"),
        ("log", running.log),
    ]
    return View(document("Sandbox", body), text=facts(pairs), names=(running.endpoint_url,))
