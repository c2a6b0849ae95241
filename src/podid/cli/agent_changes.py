"""What `podid install-agent` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli.change import carry_out, report, settle_interrupted
from podid.cli.effects import Seen, effect_code, look
from podid.cli.options import Wait
from podid.domain.errors import AccessDenied, Rejected
from podid.domain.names import AGENT_ADDON

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation
    from podid.domain.model import AddonVersion
    from podid.domain.plan import Effect
    from podid.ops.clients import KubeAccess

TIMEOUT_SECONDS = 900.0


def run_install(run: Invocation, version: str | None, configuration_file: str | None) -> None:
    from podid.ops.agent.install import plan_install, wait_active

    configuration = run.read_file(configuration_file) if configuration_file is not None else ""
    cluster = run.cluster(for_change=True)
    header = run.header(cluster=cluster.name)
    resources = run.resources()
    settle_interrupted(run, resources, header)
    with run.working(f"reading the add-ons of {cluster.name}"):
        current = run.aws.eks.find_addon(cluster.name, AGENT_ADDON)
        versions = _versions(run, cluster.version) if current is None or version is not None else ()
    plan = plan_install(cluster, header, current, versions, version=version, configuration=configuration)
    applied = carry_out(run, plan, resources)
    if applied is None:
        return
    notes = []
    addon = None
    if applied.error is None and run.options.wait is not Wait.NONE:
        with run.working(f"waiting for {AGENT_ADDON}"):
            addon = wait_active(
                run.aws.eks,
                cluster.name,
                timeout=run.options.timeout_seconds(TIMEOUT_SECONDS),
                monotonic=run.runtime.monotonic,
                sleep=run.runtime.sleep,
                progress=run.progress.update,
            )
        notes.append(f"add-on {addon.name} {addon.version} is {addon.status}")
    report(run, plan, applied, seen=lambda: _coverage(run) if addon is not None else Seen(None), notes=tuple(notes))


def _versions(run: Invocation, kubernetes_version: str) -> tuple[AddonVersion, ...] | None:
    """None where EKS does not tell: it then chooses its default itself."""
    try:
        return run.aws.eks.list_addon_versions(AGENT_ADDON, kubernetes_version)
    except (AccessDenied, Rejected) as error:
        run.note(f"note: the add-on's versions could not be looked at: {error.what}")
        return None


def _coverage(run: Invocation) -> Seen:
    """ACTIVE is EKS's word; what counts is a Ready agent pod on every node that should have one."""
    from podid.ops.agent.coverage import wait_covered

    def watch(access: KubeAccess) -> Effect:
        return wait_covered(
            access.reader,
            timeout=run.options.timeout_seconds(TIMEOUT_SECONDS),
            monotonic=run.runtime.monotonic,
            sleep=run.runtime.sleep,
            progress=run.progress.update,
        )

    effect = look(run, watch)
    return Seen(effect, effect_code(run, effect))
