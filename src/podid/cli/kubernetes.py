"""The way into a cluster's Kubernetes API, tried once, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.errors import PodidError, UsageError
from podid.ops.clients import KubeAccess

if TYPE_CHECKING:
    from podid.aws.sts import Sts
    from podid.calls.deadline import Deadline
    from podid.cli.options import Shared
    from podid.cli.terminal import Terminal
    from podid.domain.aws import Cluster

_PROBE_SECONDS = 5.0
_LONGEST_PROBE_SECONDS = 10.0


def connect(
    options: Shared,
    sources: Mapping[str, str],
    env: Mapping[str, str],
    cluster: Cluster,
    sts: Sts,
    terminal: Terminal,
    deadline: Deadline,
) -> KubeAccess:
    """Reaches the API server once (GET /version), so that a dead endpoint is known before work depends on it.

    An explicit --context or --kubeconfig that cannot be used is raised, not reported: the user asked for it by name.
    """
    from podid.kube import connect as kube_connect
    from podid.kube.reader import KubeReader
    from podid.kube.transport import Transport
    from podid.kube.writer import KubeWriter

    def token() -> tuple[str, datetime]:
        signed = sts.get_cluster_token(cluster.cluster_id or cluster.name)
        return signed.token, signed.expires_at

    # $KUBECONFIG is read like kubectl's default: a file of it that is broken or missing stops nobody
    named_file = (options.kubeconfig or "") if sources.get("kubeconfig") == "--kubeconfig" else ""
    explicit = options.context is not None or bool(named_file)
    try:
        connection = kube_connect.connect(
            cluster,
            token=token,
            context=options.context or "",
            kubeconfig=named_file,
            env=env,
            deadline=deadline,
        )
        terminal.explain(f"Kubernetes: {connection.how}")
        if connection.unverified:
            terminal.note(
                f"warning: {connection.how} has insecure-skip-tls-verify: whoever answers there is taken for the "
                "cluster, and gets its credentials"
            )
        # a private endpoint swallows packets: know it soon, and only then settle for long patience
        probe = Transport(connection, patience=_PROBE_SECONDS, longest=_LONGEST_PROBE_SECONDS, deadline=deadline)
        KubeReader(probe).check()
        transport = Transport(connection, deadline=deadline)
        return KubeAccess((KubeReader(transport), KubeWriter(transport)))
    except UsageError:
        raise
    except PodidError as failure:
        if explicit:
            raise
        return KubeAccess(failure=failure)
