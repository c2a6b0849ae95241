"""Kubeconfigs for the tests."""

import base64
import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from podid.domain.aws import Cluster
from podid.kube import kubeconfig
from podid.kube.connect import Connection, connect


def write_kubeconfig(
    path: Path,
    server: str,
    *,
    ca: str = "",
    user: dict[str, Any] | None = None,
    context: str = "work",
    cluster: str = "c",
    current: str | None = None,
    proxy: str = "",
) -> str:
    body: dict[str, Any] = {"server": server, **({"proxy-url": proxy} if proxy else {})}
    if ca:
        body["certificate-authority-data"] = base64.b64encode(ca.encode()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context if current is None else current,
        "clusters": [{"name": cluster, "cluster": body}],
        "users": [{"name": "u", "user": {"token": "from-kubeconfig"} if user is None else user}],
        "contexts": [{"name": context, "context": {"cluster": cluster, "user": "u"}}],
    }
    path.write_text(json.dumps(document))
    return str(path)


def cluster_of(path: str | Path) -> Cluster:
    """Return the cluster whose endpoint is the server of the current context."""
    config = kubeconfig.read(str(path), {})
    context = config.contexts.get(config.current) if config is not None else None
    endpoint, arn = context.server if context is not None else "", "arn:aws:eks:us-west-2:111122223333:cluster/demo"
    return Cluster(name="demo", arn=arn, version="1.34", status="ACTIVE", endpoint=endpoint)


def no_token() -> tuple[str, datetime]:
    raise AssertionError("no token should have been signed")


def connected(
    cluster: Cluster,
    *,
    token: Callable[[], tuple[str, datetime]] = no_token,
    env: Mapping[str, str] | None = None,
    **named: Any,
) -> Connection:
    """Return a connection, by default with the environment of the tests and a kubeconfig."""
    return connect(cluster, token=token, env=os.environ if env is None else env, **named)
