"""Documents and text of the sandbox commands."""

from typing import Annotated, Literal

from podid.domain.members import OPTIONAL, About, Document, Names, Pairs
from podid.render.view import Line, View, document, facts
from podid.sandbox.process import Environment, Running

SandboxState = Literal["running", "already running", "reset", "stopped", "not running"]


class SandboxDocument(Document, kind="Sandbox"):
    """`podid sandbox start`, `status`, `stop` and `reset`."""

    state: SandboxState
    endpoint_url: Annotated[str, OPTIONAL, About("The value for AWS_ENDPOINT_URL.")]
    account: Annotated[str, OPTIONAL]
    region: Annotated[str, OPTIONAL]
    cluster: Annotated[str, OPTIONAL]
    kubeconfig: Annotated[str | None, OPTIONAL, About("The path of the file.")]
    pid: Annotated[int, OPTIONAL]
    log: Annotated[str, OPTIONAL, About("The path of the file.")]


class SandboxEnvironmentDocument(Document, kind="SandboxEnvironment"):
    """`podid sandbox env`."""

    export: Pairs
    unset: Names


def running_view(running: Running, state: SandboxState) -> View:
    pairs = [
        ("sandbox", state),
        ("AWS endpoint", running.endpoint_url),
        ("account", running.account),
        ("region", running.region),
        ("cluster", running.cluster),
        ("kubeconfig", running.kubeconfig or "none"),
        ("log", running.log),
    ]
    body = document(SandboxDocument, running, state=state, kubeconfig=running.kubeconfig or None)
    return View(body, lines=tuple(facts(pairs)), names=(running.endpoint_url,))


def absent_view(state: SandboxState, *, remark: str = "") -> View:
    return View(document(SandboxDocument, state=state), lines=(f"sandbox {state}{remark}",), names=(state,))


def environment_view(environment: Environment) -> View:
    body = document(SandboxEnvironmentDocument, environment)
    return View(
        body,
        lines=tuple(Line(text, code=True) for text in environment.shell().split("\n")),
        names=tuple(environment.export),
    )
