"""Who loses credentials, and when, once an association is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.aws import Association
from podid.domain.errors import PodidError
from podid.domain.names import ServiceAccountRef
from podid.domain.text import short_list
from podid.domain.workloads import injected, live
from podid.facts.restarts import LIFETIME, OF_TARGET
from podid.ops.clients import KubeAccess

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader


def losing_notes(
    kube: KubeAccess, current: Mapping[ServiceAccountRef, Association | None], now: datetime
) -> tuple[str, ...]:
    """Which running pods lose the role with these associations and when, or why that could not be looked at."""
    try:
        return _losing(kube.reader, current, now)
    except PodidError as error:
        return (f"which running pods lose the role could not be looked at: {error.what}",)


def _losing(
    reader: KubeReader, current: Mapping[ServiceAccountRef, Association | None], now: datetime
) -> tuple[str, ...]:
    """A sentence for each association whose running pods hold its credentials. Raises as the reader does."""
    associated = {ref: item for ref, item in current.items() if item is not None}
    notes = []
    for namespace in sorted({ref.namespace for ref in associated}):
        refs = [ref for ref in associated if ref.namespace == namespace]
        pods = reader.list_pods(namespace, service_account=refs[0].name if len(refs) == 1 else "")
        for ref in refs:
            names = [pod.name for pod in pods if pod.ref == ref and live(pod) and injected(pod)]
            if not names:
                continue
            until = now + (OF_TARGET if associated[ref].target_role_arn else LIFETIME)
            count = "1 running pod of" if len(names) == 1 else f"{len(names)} running pods of"
            notes.append(
                f"{count} {ref} lose{'s' if len(names) == 1 else ''} the role when the credentials expire, by "
                f"{until:%Y-%m-%dT%H:%MZ} at the latest: {short_list(names)}"
            )
    return tuple(notes)
