"""What `podid associate` and `podid disassociate` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from podid.cli import inputs
from podid.cli.change import carry_out, report, settle_interrupted
from podid.cli.effects import Seen, association_effect, effect_code, pods_effect
from podid.cli.restarting import need_kubernetes, restart_stale
from podid.domain.errors import UsageError
from podid.domain.exit_codes import ExitCode, combine
from podid.domain.names import ServiceAccountRef

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation
    from podid.domain.model import Association, Cluster
    from podid.domain.plan import Header, Plan

# longer than any control plane is known to take (AWS: "several seconds"; 10 s in its blog on session policies)
HEARD_EVERYWHERE = timedelta(seconds=120)


def run_associate(
    run: Invocation,
    targets: Sequence[str],
    role: str,
    *,
    target_role: str | None,
    disable_session_tags: bool | None,
    session_policy: str | None,
    tags: Sequence[str],
    scope: str,
    replace: bool,
    update_trust: bool,
    restart: bool,
    create_service_account: bool,
) -> None:
    from podid.ops.association.plan import AssociateRequest, plan_associations, with_service_accounts
    from podid.ops.role.resolve import resolve_role

    refs = inputs.service_accounts(targets)
    policy = inputs.session_policy(run, session_policy)
    if policy and disable_session_tags is False:
        raise UsageError("--session-policy needs --no-session-tags: EKS takes no session policy while tags are on")
    chosen_scope, chosen_tags, target = inputs.scope(scope), inputs.tags(tags), inputs.target_role(target_role)
    cluster = run.cluster(for_change=True)
    header = run.header(cluster=cluster.name)
    if restart or create_service_account:
        need_kubernetes(run)  # known before anything is changed
    resources = run.resources(kubernetes=create_service_account)
    settle_interrupted(run, resources, header)
    with run.working(f"reading role {role} and the associations of {', '.join(map(str, refs))}"):
        request = AssociateRequest(
            refs=refs,
            role=resolve_role(run.aws.iam, role, account=cluster.account, partition=cluster.partition),
            target_role_arn=target,
            disable_session_tags=True if policy and disable_session_tags is None else disable_session_tags,
            policy=policy,
            tags=chosen_tags,
            scope=chosen_scope,
            replace=replace,
            update_trust=update_trust,
        )
        current = _current(run, cluster, refs)
    plan = plan_associations(request, cluster, header, current)
    if create_service_account:
        plan = with_service_accounts(plan, refs, resources.read)
    applied = carry_out(run, plan, resources)
    if applied is not None:
        since = _settled_since(plan, current, run.runtime.now())
        report(run, plan, applied, seen=lambda: _after_associate(run, plan, refs, since=since, restart=restart))


def _settled_since(
    plan: Plan, current: Mapping[ServiceAccountRef, Association | None], now: datetime
) -> datetime | None:
    """When the associations were made, if this run left them alone and every API server must have heard of them: then
    pods that are younger prove the effect at once. None: it has to be looked at."""
    made = [association.created_at for association in current.values() if association is not None]
    times = [moment for moment in made if moment is not None and now - moment > HEARD_EVERYWHERE]
    return max(times) if not plan.actions and len(times) == len(current) else None


def _after_associate(
    run: Invocation, plan: Plan, refs: Sequence[ServiceAccountRef], *, since: datetime | None, restart: bool
) -> Seen:
    """Waits until new pods would get the role, then, if asked, replaces the old ones and looks at the new."""
    effect = association_effect(run, refs, since=since)
    code = effect_code(run, effect)
    if not restart or code is ExitCode.UNAVAILABLE:
        return Seen(effect, code)
    changed = [ref for ref in refs if _holds_old_role(run, plan.header.cluster, ref)]
    rest = [ref for ref in refs if ref not in changed]
    parts = [
        restart_stale(run, plan.header, chosen, stale=stale, expect_injected=True)
        for chosen, stale in ((rest, True), (changed, False))
        if chosen
    ]
    done = tuple(item for part in parts for item in part.done)
    codes = {part.code for part in parts}
    if codes != {ExitCode.OK}:
        return Seen(effect, combine({code, *codes}), done)
    proof = pods_effect(run, refs)
    return Seen(proof or effect, code if proof is None else effect_code(run, proof), done)


def _holds_old_role(run: Invocation, cluster_name: str, ref: ServiceAccountRef) -> bool:
    """Whether pods are older than the last change of an association that had been there: they carry the injected
    fields already, and the old role's credentials for hours."""
    from podid.domain.workloads import live

    association = run.aws.eks.find_association(cluster_name, ref)
    if association is None or association.modified_at is None or association.modified_at == association.created_at:
        return False
    pods = need_kubernetes(run).reader.list_pods(ref.namespace, service_account=ref.name)
    return any(live(pod) and pod.created_at < association.modified_at for pod in pods)


def run_disassociate(run: Invocation, targets: Sequence[str], *, restart: bool) -> None:
    from podid.ops.association.plan import plan_disassociate

    refs = inputs.service_accounts(targets)
    cluster = run.cluster(for_change=True)
    header = run.header(cluster=cluster.name)
    if restart:
        need_kubernetes(run)
    resources = run.resources()
    settle_interrupted(run, resources, header)
    plan = plan_disassociate(refs, header, _current(run, cluster, refs))
    names = ", ".join(map(str, refs))
    applied = carry_out(
        run, plan, resources, question=f"Delete the association of {names}?", needed_for="Deleting an association"
    )
    if applied is not None:
        report(run, plan, applied, seen=lambda: _after_disassociate(run, header, plan, restart=restart))


def _after_disassociate(run: Invocation, header: Header, plan: Plan, *, restart: bool) -> Seen:
    refs = [ServiceAccountRef(action.keys["namespace"], action.keys["serviceAccount"]) for action in plan.actions]
    if not refs:
        return Seen(None)
    effect = association_effect(run, refs, gone=True)
    code = effect_code(run, effect)
    if not restart or code is ExitCode.UNAVAILABLE:
        return Seen(effect, code)
    restarted = restart_stale(run, header, refs, stale=False, expect_injected=False)
    return Seen(effect, combine({code, restarted.code}), restarted.done)


def _current(
    run: Invocation, cluster: Cluster, refs: Sequence[ServiceAccountRef]
) -> dict[ServiceAccountRef, Association | None]:
    return {ref: run.aws.eks.find_association(cluster.name, ref) for ref in refs}
