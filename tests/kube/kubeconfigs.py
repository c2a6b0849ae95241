"""Kubeconfigs for the tests."""

import base64
import json
from pathlib import Path
from typing import Any


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
