"""Whether the pods that a restart makes would be given credentials: looked at before those that have them are gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from podid.aws import pacing
from podid.domain.errors import PodidError
from podid.domain.model import Pod
from podid.domain.patience import Patience
from podid.domain.replacing import not_served
from podid.domain.workloads import is_injected
from podid.ops.clients import KubeAccess
from podid.ops.reading.dry_runs import images_of
from podid.ops.restart.targets import Target, conflict

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader

# an association of some seconds ago is not known to every API server
SECONDS_AHEAD = 15.0
SECONDS_BETWEEN = 2.0


def look_ahead(
    kube: KubeAccess, targets: Sequence[Target], patience: Patience
) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """The targets, with an obstacle those whose new pods would be given no credentials, and notes: on what could not
    be looked at, and where no agent would serve the others. A pod with the labels of theirs is created in a dry run,
    for each."""
    pending = [target for target in targets if target.obstacle is None and target.expect_injected]
    images = images_of(kube.reader, {target.workload.namespace for target in pending})
    notes: set[str] = set()

    def look(target: Target) -> Pod:
        image = images[target.workload.namespace]
        return kube.writer.dry_run_pod(target.refs[0], image=image, labels=target.labels)

    missing = False
    for _ in patience.within(SECONDS_AHEAD).rounds(SECONDS_BETWEEN):
        looked = dict(pacing.fan_out(pacing.attempt(look), pending, reads=True))
        errors = {found for found in looked.values() if isinstance(found, PodidError)}
        notes |= {f"whether new pods get credentials could not be looked at: {error.what}" for error in errors}
        pending = [target for target in pending if isinstance(found := looked[target], Pod) and not is_injected(found)]
        missing = bool(pending) and _webhook_is_missing(kube.reader)
        if not pending or missing:
            break
        patience.say(f"new pods of {pending[0].refs[0]} would be given no credentials yet")
    obstacles = {
        target: conflict(target.workload, not_served(str(target.refs[0]), registered=not missing)) for target in pending
    }
    seen = tuple(replace(target, obstacle=obstacles.get(target, target.obstacle)) for target in targets)
    if any(target.obstacle is None and target.expect_injected for target in seen) and _no_agent_runs(kube.reader):
        notes.add("the cluster has no agent: new pods would get no credentials, see podid agent status")
    return seen, tuple(sorted(notes))


def _no_agent_runs(reader: KubeReader) -> bool:
    """Whether no node can have the agent: there is no DaemonSet of it, and no node of Auto Mode, which has it built in.
    False where that could not be looked at, too."""
    try:
        return not reader.list_agent_daemon_sets() and all(node.compute_type != "auto" for node in reader.list_nodes())
    except PodidError:
        return False


def _webhook_is_missing(reader: KubeReader) -> bool:
    try:
        return reader.find_webhook() is None
    except PodidError:
        return False
