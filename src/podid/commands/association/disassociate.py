"""podid disassociate."""

from podid.cli.arguments import SERVICE_ACCOUNTS
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.option import switch
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.kube.reader import KubeReader
    from podid.ops.change.kinds import ASSOCIATION, ROLE, ROLE_ATTACHMENT, ROLE_POLICY

    return CommandRights.of(
        *ASSOCIATION.calls(Verb.DELETE),
        optional=(
            rights.NAMING,
            rights.RUNNING_PODS,
            rights.DRY_RUNS,
            rights.STATUS,
            rights.asking(KubeReader.list_service_accounts),
            OptionalRight.of(
                "--delete-role",
                *ROLE.calls(Verb.DELETE),
                *ROLE_POLICY.calls(Verb.DELETE),
                *ROLE_ATTACHMENT.calls(Verb.DELETE),
                Iam.list_instance_profiles,
                Eks.list_clusters,
                Eks.list_associations,
            ),
            rights.RESTARTING,
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"), rights=rights, several=("cluster",))
def disassociate(
    access: Access,
    terminal: Terminal,
    targets: tuple[str, ...] = SERVICE_ACCOUNTS,
    restart: bool = switch("Restart the workloads, so that their pods start without the role."),
    delete_role: bool = switch("Delete the role too, if podid made it here and nothing else uses it."),
    ignore_not_found: bool = switch("No failure where there is no association."),
) -> None:
    """Take the role away again. Deleting asks first, or needs --yes.

    Alone, on a terminal, it asks which, and ends with the command that does the same.

    Pods that run keep their credentials until they expire; new pods get none.

    Example: podid disassociate shop/orders --yes
    """
    from podid.cli import typed
    from podid.cli.changing import carry_out, report, restarting, settle_interrupted, waiting
    from podid.cli.foreseeing import with_outlook
    from podid.cli.guide.run import guide_disassociate, says_only_where
    from podid.cli.several import in_each_cluster
    from podid.domain.errors import Other, UsageError
    from podid.domain.plan import text
    from podid.domain.words import short_list
    from podid.ops.association.absent import check_associated
    from podid.ops.association.aftermath import after_disassociate
    from podid.ops.association.losing import losing_notes
    from podid.ops.association.plan import plan_disassociate
    from podid.ops.association.read import current_associations
    from podid.ops.change.kinds import ASSOCIATION
    from podid.ops.change.kinds.association import ref_of
    from podid.ops.role.delete import plan_delete_after

    if access.runtime.interactive and says_only_where(access.argv, ("disassociate",)):
        raise guide_disassociate(access, terminal)
    refs = typed.service_accounts(targets)
    if not refs:
        raise UsageError("Which service accounts? Name them as NAMESPACE/NAME", hint=Other(("list",)))
    typed.no_state(access.shared.wait)

    names = short_list(map(str, refs), 10)

    def in_one(there: Access) -> None:
        place = there.place(for_change=True)
        restarts = restarting(there, terminal, refs) if restart else None
        settle_interrupted(there, terminal, place)
        with terminal.working(f"reading the associations of {names}"):
            current = current_associations(there.clients, place, refs)
        before = there.journal.done_before(there.runtime.argv, place.header)
        gone = {ref_of(action.keys): action for action in before if action.kind == ASSOCIATION.name}
        if not ignore_not_found:
            left = {ref: found for ref, found in current.items() if found is not None or ref not in gone}
            check_associated(there.clients, place, left)
        plan = plan_disassociate(refs, place.header, current)
        plan = plan.noting(losing_notes(there.kube, current, there.runtime.now()))
        if delete_role:
            found = [association for association in current.values() if association is not None]
            ended = {association.association_arn for association in found}
            arns = [text(gone[ref].before or {}, "roleArn") for ref in refs if ref in gone and current[ref] is None]
            for arn in dict.fromkeys((*(association.role_arn for association in found), *arns)):
                with terminal.working(f"reading role {arn.rpartition('/')[2]} and who uses it"):
                    plan = plan.then(plan_delete_after(there.clients, there.journal, place, arn, ended))
        result = carry_out(
            there,
            terminal,
            with_outlook(there, terminal, place, plan, refs, restart=restart),
            question=f"Delete the association of {names}{' and its role' if delete_role else ''}?",
            needed_for="Deleting an association",
            word="delete" if len(plan.actions) > 1 else "",
            restarts=restarts,
        )
        if result is not None:
            report(terminal, after_disassociate(waiting(there, place, result, restarts), result))

    in_each_cluster(access, terminal, in_one)
