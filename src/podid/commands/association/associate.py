"""podid associate."""

from typing import Annotated

import typer

from podid.cli.arguments import ServiceAccounts, UpdateTrust
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.names import ServiceAccountRef
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.iam import Iam
    from podid.domain.plan import Verb
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter
    from podid.ops.association import proving
    from podid.ops.change.kinds import ASSOCIATION, RESTART, ROLE_TRUST, SERVICE_ACCOUNT

    return CommandRights.of(
        *ASSOCIATION.calls(Verb.CREATE, Verb.UPDATE),
        *ROLE_TRUST.calls(Verb.UPDATE),
        Iam.list_role_names,
        optional=(
            OptionalRight.of(
                "seeing whether the service account exists, what running pods carry, and the agents on their nodes",
                KubeReader.find_service_account,
                KubeReader.list_service_accounts,
                KubeReader.list_pods,
                KubeReader.list_nodes,
                KubeReader.list_agent_daemon_sets,
                KubeReader.list_agent_pods,
            ),
            OptionalRight.of(
                "the dry runs that show the effect; nothing is created, but the right could",
                KubeWriter.dry_run_pod,
                KubeReader.webhook_present,
            ),
            OptionalRight.of(
                "--no-session-tags: seeing which of the role's policies rely on them",
                Iam.list_inline_policies,
                Iam.list_attached_policies,
                Iam.get_managed_document,
            ),
            OptionalRight.of("--restart", *RESTART.calls(Verb.RESTART)),
            OptionalRight.of("--wait proof: a pod's token, redeemed; grant it per namespace", *proving.operations()),
            OptionalRight.of(
                "--create-service-account", *SERVICE_ACCOUNT.calls(Verb.CREATE), KubeReader.list_namespaces
            ),
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"), rights=rights)
def associate(
    access: Access,
    terminal: Terminal,
    targets: ServiceAccounts,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="IAM role, by name or ARN.", show_default=False)],
    target_role: Annotated[
        str | None,
        typer.Option(
            "--target-role",
            metavar="ARN",
            help="Role to assume from the first one, also in another account; '' removes it.",
            show_default=False,
        ),
    ] = None,
    session_tags: Annotated[
        bool | None,
        typer.Option(
            "--session-tags/--no-session-tags", help="Whether EKS tags the sessions. [default: on]", show_default=False
        ),
    ] = None,
    session_policy: Annotated[
        str | None,
        typer.Option(
            "--session-policy",
            metavar="FILE",
            help="Policy that narrows the sessions ('-' is stdin); needs --no-session-tags.",
            show_default=False,
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY=VALUE", help="Tag of the association. Repeatable.", show_default=False),
    ] = None,
    scope: Annotated[
        str,
        typer.Option(
            "--scope", metavar="SCOPE", help="With --update-trust: service-account, namespace, cluster or account."
        ),
    ] = "service-account",
    replace: Annotated[
        bool, typer.Option("--replace", help="Change an association that is there with other settings.")
    ] = False,
    update_trust: UpdateTrust = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Restart the workloads whose pods were made before it took effect.")
    ] = False,
    create_service_account: Annotated[
        bool, typer.Option("--create-service-account", help="Create the service account if it does not exist.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a service account that does not exist, or cannot be looked at.")
    ] = False,
) -> None:
    """Give a service account's pods an IAM role.

    Already there with the same settings is success; with other settings it is a conflict, unless --replace.

    Example: podid associate shop/orders --role shop-orders
    """
    from podid.cli import typed
    from podid.cli.changing import carry_out, report, restarting, settle_interrupted, tell_left_behind
    from podid.domain.errors import UsageError
    from podid.ops.association.aftermath import ASSOCIATION_SECONDS, after_associate
    from podid.ops.association.plan import (
        AssociateRequest,
        current_associations,
        plan_associations,
        with_service_accounts,
    )
    from podid.ops.role.resolve import resolve_role
    from podid.ops.role.tags import session_notes

    refs = typed.service_accounts(targets)
    policy = typed.session_policy(terminal, session_policy)
    if policy and session_tags:
        raise UsageError("--session-policy needs --no-session-tags: EKS takes no session policy while tags are on")
    chosen_scope, tags, target_role_arn = typed.scope(scope), typed.tags(tag), typed.target_role(target_role)
    place = access.place(for_change=True)
    assert place.cluster is not None
    if create_service_account or strict:
        access.kube.needed()  # known before anything is changed
    restarts = restarting(access, terminal, refs) if restart else None
    settle_interrupted(access, terminal, place)
    with terminal.working(f"reading role {role} and the associations of {', '.join(map(str, refs))}"):
        request = AssociateRequest(
            refs=refs,
            role=resolve_role(
                access.aws.iam, role, account=place.account, partition=place.cluster.partition, refs=refs
            ),
            target_role_arn=target_role_arn,
            disable_session_tags=True if policy and session_tags is None else _negated(session_tags),
            policy=policy,
            tags=tags,
            scope=chosen_scope,
            replace=replace,
            update_trust=update_trust,
        )
        current = current_associations(access.clients, place, refs)
    plan = plan_associations(request, place.cluster, place.header, current)
    if create_service_account:
        plan = with_service_accounts(plan, refs, access.kube.reader)
    missing = () if create_service_account else _missing(access, refs, strict=strict)
    plan = plan.noting((*missing, *session_notes(plan, access.aws.iam, request.role.role)))
    ask = bool(missing) and access.runtime.interactive
    result = carry_out(access, terminal, plan, question="Associate all the same?" if ask else "", restarts=restart)
    if result is not None:
        result = after_associate(
            access.clients,
            place,
            access.patience(ASSOCIATION_SECONDS),
            result,
            current,
            wait=access.options.wait,
            restarting=restarts and restarts.of(result.run_id),
            journal=access.journal,
        )
        report(terminal, result if restart else tell_left_behind(access, place, result, refs))


def _missing(access: Access, refs: tuple[ServiceAccountRef, ...], *, strict: bool) -> tuple[str, ...]:
    """A sentence for each service account that does not exist; with `strict` raises NotFound. That the cluster cannot
    be looked at is said with the effect."""
    from podid.domain.errors import Again, NotFound, PodidError
    from podid.domain.words import did_you_mean
    from podid.ops.association.plan import missing_service_accounts
    from podid.ops.change.look import looks

    if not strict and (not looks(access.options.wait) or access.kube.failure is not None):
        return ()
    try:
        missing = missing_service_accounts(refs, access.kube.reader)
    except PodidError:
        if strict:
            raise
        return ()
    sentences = tuple(
        f"{ref} is no service account of the cluster{did_you_mean(str(ref), near)}" for ref, near in missing.items()
    )
    if strict and missing:
        ref, near = next(iter(missing.items()))
        # what is likely a slip of the hand is not to be made true
        hint = Again(swap=(str(ref), near[0])) if near else Again(add=("--create-service-account",))
        raise NotFound(sentences[0], hint=hint, subject=str(ref))
    return sentences


def _negated(choice: bool | None) -> bool | None:
    return None if choice is None else not choice
