"""Whether new pods of a service account no longer get credentials, after its association was deleted.

Each API server learns of it at its own time. A pod created with dryRun=All passes the webhook and is not created, and
shows what that one API server knows; several rounds of them, spaced over seconds, show what all of them do.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from podid.calls import pacing
from podid.calls.patience import Patience
from podid.domain.errors import AccessDenied, NotFound, PodidError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Awaited
from podid.domain.text import short_list
from podid.domain.workloads import injected
from podid.ops.clients import KubeAccess
from podid.ops.reading.dry_runs import PODS_PER_ROUND, ROUNDS, SECONDS_BETWEEN_ROUNDS, images_of


def wait_until_stopped(kube: KubeAccess, refs: Collection[ServiceAccountRef], patience: Patience) -> Awaited:
    """Waits for enough consecutive rounds without an injected pod. Never raises for a cluster that cannot be asked."""
    clean = dict.fromkeys(refs, 0)
    images = images_of(kube.reader, {ref.namespace for ref in refs})
    for _ in patience.rounds(SECONDS_BETWEEN_ROUNDS):
        pending = [ref for ref, rounds in clean.items() if rounds < ROUNDS]
        tries = [ref for ref in pending for _ in range(PODS_PER_ROUND)]
        hits: set[ServiceAccountRef] = set()
        for ref, answer in pacing.fan_out(pacing.attempt(partial(_try, kube, images)), tries, reads=True):
            if isinstance(answer, NotFound):
                clean[ref] = ROUNDS  # no service account, so no pod either
            elif isinstance(answer, PodidError):
                return Awaited(f"whether new pods still get credentials was not checked: {_why(answer)}", None)
            elif answer:
                hits.add(ref)
        for ref in pending:
            clean[ref] = 0 if ref in hits else clean[ref] + 1
        if all(rounds >= ROUNDS for rounds in clean.values()):
            return Awaited(f"new pods of {short_list(map(str, refs))} no longer get credentials", True)
        left = [str(ref) for ref, rounds in clean.items() if rounds < ROUNDS]
        patience.say(f"waiting until new pods of {short_list(left, 1)} get no credentials")
    still = [str(ref) for ref, rounds in clean.items() if rounds < ROUNDS]
    return Awaited(f"new pods of {short_list(still)} still got credentials within {patience.seconds:g} s", False)


def _try(kube: KubeAccess, images: dict[str, str], ref: ServiceAccountRef) -> bool:
    return injected(kube.writer.dry_run_pod(ref, image=images[ref.namespace]))


def _why(error: PodidError) -> str:
    return f"needs {error.permission}" if isinstance(error, AccessDenied) and error.permission else error.what
