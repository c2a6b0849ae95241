"""What `podid undo` does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from podid.cli.change import carry_out, report, settle_interrupted
from podid.domain.errors import Conflict
from podid.domain.plan import ACCOUNT_WIDE, ResourceKind
from podid.ops.change.apply import undo_plan

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation


def run_undo(run: Invocation, run_id: str) -> None:
    recorded = run.journal.get(run_id)
    if recorded.running:
        raise Conflict(f"Run {recorded.run_id} is still going on", subject=recorded.run_id)
    if run.options.cluster is None and recorded.header.cluster:
        # the run knows its cluster; the account and the region are checked against the credentials
        run.options = replace(run.options, cluster=recorded.header.cluster)
        run.sources = {**run.sources, "cluster": f"run {recorded.run_id}"}
    if run.options.region is None:
        run.options = replace(run.options, region=recorded.header.region)
        run.sources = {**run.sources, "region": f"run {recorded.run_id}"}
    needs_cluster = any(step.action.kind not in ACCOUNT_WIDE for step in recorded.steps)
    if needs_cluster:
        run.cluster(for_change=True)
    header = run.header(cluster=recorded.header.cluster)
    needs_kubernetes = any(step.action.kind is ResourceKind.SERVICE_ACCOUNT for step in recorded.steps)
    resources = run.resources(kubernetes=needs_kubernetes)
    settle_interrupted(run, resources, header)
    recorded = run.journal.get(recorded.run_id)  # as settled
    with run.working("reading what the run left"):
        plan = undo_plan(recorded, header, resources.read, resources.policies_of)
    applied = carry_out(
        run,
        plan,
        resources,
        question=f"Take back run {recorded.run_id}?",
        needed_for="Undoing a run",
        undoes=recorded.run_id,
    )
    if applied is not None:
        report(run, plan, applied)
