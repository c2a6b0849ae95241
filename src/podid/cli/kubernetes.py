"""Kubernetes access for a command: a reader and a writer, or the reason why there is none."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.errors import PodidError, UsageError
from podid.ops.clients import KubeAccess

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation

_PROBE_SECONDS = 5.0


def connect(run: Invocation) -> KubeAccess:
    """Reaches the API server once (GET /version), so that a dead endpoint is known before work depends on it.

    An explicit --context or --kubeconfig that cannot be used is raised, not reported: the user asked for it by name.
    """
    from podid.kube import connect as kube_connect
    from podid.kube.reader import KubeReader
    from podid.kube.transport import Transport
    from podid.kube.writer import KubeWriter

    cluster = run.cluster()

    def token() -> tuple[str, datetime]:
        signed = run.aws.sts.get_cluster_token(cluster.cluster_id or cluster.name)
        return signed.token, signed.expires_at

    # $KUBECONFIG is read like kubectl's default: a file of it that is broken or missing stops nobody
    named_file = (run.options.kubeconfig or "") if run.sources.get("kubeconfig") == "--kubeconfig" else ""
    explicit = run.options.context is not None or bool(named_file)
    try:
        connection = kube_connect.connect(
            cluster,
            token=token,
            context=run.options.context or "",
            kubeconfig=named_file,
            env=run.runtime.env,
        )
        run.explain(f"Kubernetes: {connection.how}")
        # a private endpoint swallows packets: know it soon, and only then settle for long patience
        Transport(connection, patience=_PROBE_SECONDS).get("/version")
        transport = Transport(connection)
        return KubeAccess((KubeReader(transport), KubeWriter(transport)))
    except UsageError:
        raise
    except PodidError as failure:
        if explicit:
            raise
        return KubeAccess(failure=failure)
