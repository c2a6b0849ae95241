"""What `podid associate` and `podid disassociate` do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.cli import inputs
from podid.cli.change import carry_out, report, settle_interrupted
from podid.domain.errors import UsageError

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation
    from podid.domain.model import Association, Cluster
    from podid.domain.names import ServiceAccountRef


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
) -> None:
    from podid.ops.associations import AssociateRequest, plan_associations
    from podid.ops.roles import resolve_role

    refs = inputs.service_accounts(targets)
    policy = inputs.session_policy(run, session_policy)
    if policy and disable_session_tags is False:
        raise UsageError("--session-policy needs --no-session-tags: EKS takes no session policy while tags are on")
    chosen_scope, chosen_tags, target = inputs.scope(scope), inputs.tags(tags), inputs.target_role(target_role)
    cluster = run.cluster(for_change=True)
    header = run.header(cluster=cluster.name)
    resources = run.resources()
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
    applied = carry_out(run, plan, resources)
    if applied is not None:
        report(run, plan, applied)


def run_disassociate(run: Invocation, targets: Sequence[str]) -> None:
    from podid.ops.associations import plan_disassociate

    refs = inputs.service_accounts(targets)
    cluster = run.cluster(for_change=True)
    header = run.header(cluster=cluster.name)
    resources = run.resources()
    settle_interrupted(run, resources, header)
    plan = plan_disassociate(refs, header, _current(run, cluster, refs))
    names = ", ".join(map(str, refs))
    applied = carry_out(
        run, plan, resources, question=f"Delete the association of {names}?", needed_for="Deleting an association"
    )
    if applied is not None:
        report(run, plan, applied)


def _current(
    run: Invocation, cluster: Cluster, refs: Sequence[ServiceAccountRef]
) -> dict[ServiceAccountRef, Association | None]:
    return {ref: run.aws.eks.find_association(cluster.name, ref) for ref in refs}
