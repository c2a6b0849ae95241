"""The sandbox as a document and as text, for the commands beside this file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.render.associations import facts
from podid.render.view import View, document

if TYPE_CHECKING:
    from podid.render.documents import tool as documents
    from podid.sandbox.process import Environment, Running


def running_view(running: Running, state: documents.SandboxState) -> View:
    body: documents.SandboxDocument = {
        "kind": "Sandbox",
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
    return View(document(body), lines=tuple(facts(pairs)), names=(running.endpoint_url,))


def absent_view(state: documents.SandboxState, *, remark: str = "") -> View:
    body: documents.SandboxDocument = {"kind": "Sandbox", "state": state}
    return View(document(body), lines=(f"sandbox {state}{remark}",), names=(state,))


def environment_view(environment: Environment) -> View:
    body: documents.SandboxEnvironmentDocument = {
        "kind": "SandboxEnvironment",
        "export": environment.export,
        "unset": environment.unset,
    }
    return View(document(body), lines=tuple(environment.shell().split("\n")), names=tuple(environment.export))
