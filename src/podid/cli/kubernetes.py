"""Kubernetes access for a command: a reader and a writer, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podid.domain.errors import PodidError, UsageError

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter


@dataclass(frozen=True, slots=True)
class KubeAccess:
    """`failure` is set where the others are None: AWS-only work goes on and says what it could not see."""

    reader: KubeReader | None = None
    writer: KubeWriter | None = None
    failure: PodidError | None = None


def connect(run: Invocation) -> KubeAccess:
    """Reaches the API server once (GET /version), so that a dead endpoint is known before work depends on it.

    An explicit --context or --kubeconfig that cannot be used is raised, not reported: the user asked for it by name.
    """
    from podid.aws.token import bearer_token
    from podid.kube import connect as kube_connect
    from podid.kube.reader import KubeReader
    from podid.kube.transport import Transport
    from podid.kube.writer import KubeWriter

    cluster = run.cluster()
    explicit = run.options.context is not None or run.sources.get("kubeconfig") == "--kubeconfig"
    try:
        connection = kube_connect.connect(
            cluster,
            token=lambda: bearer_token(run.aws, cluster),
            context=run.options.context or "",
            kubeconfig=run.options.kubeconfig or "",
            env=run.runtime.env,
        )
        run.explain(f"Kubernetes: {connection.how}")
        transport = Transport(connection)
        reader = KubeReader(transport)
        reader.check()
        return KubeAccess(reader, KubeWriter(transport))
    except UsageError:
        raise
    except PodidError as failure:
        if explicit:
            raise
        return KubeAccess(failure=failure)
