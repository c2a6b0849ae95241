"""Dry runs of the pods that a restart would make: what the webhook gives them, before those that run are gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.calls import pacing
from podid.calls.patience import Patience
from podid.domain.cluster import Pod
from podid.domain.errors import PodidError
from podid.domain.findings import Subject
from podid.domain.workloads import is_injected
from podid.ops.clients import KubeAccess
from podid.ops.reading.trials import images_of

if TYPE_CHECKING:
    from podid.ops.restart.targets import Target

# an association of some seconds ago is not known to every API server
SECONDS_OF_DRY_RUNS = 15.0
SECONDS_BETWEEN = 2.0


def missed_by_webhook(
    kube: KubeAccess, targets: Sequence[Target], patience: Patience
) -> tuple[frozenset[Subject], tuple[str, ...]]:
    """The workloads whose pods come back without the injected fields, each tried with its own labels, and notes on what
    could not be tried."""
    pending = [target for target in targets if target.obstacle is None and target.expect_injected]
    images = images_of(kube.reader, {target.workload.namespace for target in pending})
    notes: dict[str, None] = {}

    def tried(target: Target) -> Pod:
        image = images[target.workload.namespace]
        return kube.writer.dry_run_pod(target.refs[0], image=image, labels=target.labels)

    for _ in patience.within(SECONDS_OF_DRY_RUNS).rounds(SECONDS_BETWEEN):
        found = dict(pacing.fan_out(pacing.attempt(tried), pending, reads=True))
        errors = {each.message for each in found.values() if isinstance(each, PodidError)}
        notes |= dict.fromkeys(f"the webhook was not tried in a dry run: {what}" for what in sorted(errors))
        pending = [target for target in pending if isinstance(pod := found[target], Pod) and not is_injected(pod)]
        if not pending:
            break
        patience.say(f"new pods of {pending[0].refs[0]} would be given no credentials yet")
    return frozenset(target.workload.subject for target in pending), tuple(notes)
