"""podid disassociate."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, GUIDED, KUBERNETES, NARROW
from podid.domain.errors import Other, UsageError
from podid.domain.plan import Consent
from podid.domain.text import short_list
from podid.ops.association.request import DisassociateOptions


@command(
    shared=(*CLUSTER, *KUBERNETES, *NARROW, "wait"),
    needs="ASSOCIATION.delete",
    optional=(
        "NAMING RUNNING_PODS DRY_RUNS STATUS",
        (GUIDED, "ASKING KubeReader.list_service_accounts"),
        ("--delete-role", "DELETING_ROLE"),
        ("--update-trust", "ROLE_TRUST.update"),
        ("--delete-service-account; grant it per namespace", "SERVICE_ACCOUNT.delete"),
        "RESTARTING",
    ),
    several=("cluster",),
)
def disassociate(access: Access, options: DisassociateOptions) -> None:
    """Delete associations of service accounts. Asks for confirmation, or requires --yes.

    Without arguments on a terminal, podid prompts for the values.

    Running pods keep their credentials until the credentials expire. New pods get no credentials for the role.

    Example: podid disassociate shop/orders --yes

    Example: podid disassociate shop/orders shop/web --restart --yes

    Example: podid disassociate shop/orders --delete-role --delete-service-account
    """
    from podid.cli.changing import refuse_state
    from podid.cli.guide.run import ask_instead
    from podid.cli.multicluster import in_each_cluster

    ask_instead(access, "disassociate")
    if not options.service_accounts:
        raise UsageError("Specify service accounts as NAMESPACE/NAME", hint=Other(("list",)))
    options.check_together()
    refuse_state(access)
    in_each_cluster(access, lambda cluster_access: _in_one(cluster_access, options))


def _in_one(access: Access, options: DisassociateOptions) -> None:
    from podid.cli.changing import Change
    from podid.ops.association.aftermath import after_disassociate
    from podid.ops.association.disassociate import plan_disassociating
    from podid.ops.association.plan import changed_associations

    refs, names = options.service_accounts, short_list(map(str, options.service_accounts), 10)
    change = Change(access, access.place(for_change=True), restart=options.restart)
    if options.delete_service_account:
        access.kube.needed()  # fails before anything is changed
    if options.restart:
        change.plan_restarts(refs)
    change.settle()
    done = access.journal.done_before(access.runtime.argv, change.place.header)
    with access.terminal.working(f"reading the associations of {names}") as progress:
        plan = plan_disassociating(
            access.clients,
            change.place,
            access.journal,
            options,
            done=done,
            now=access.runtime.now(),
            say=progress.glance,
        )
    parts = {"its role": options.delete_role, "its service account": options.delete_service_account}
    more = "".join(f" and {part}" for part, deleted in parts.items() if deleted)
    consent = Consent(
        question=f"Delete the association of {names}{more}?",
        needed_for="Deleting an association",
        word="delete" if len(plan.actions) > 1 else "",
    )
    plan = change.with_outlook(plan, refs)
    # with those that a failed run of this command has deleted
    deleted = set(changed_associations((*done, *plan.actions))[1])
    change.run(plan, lambda result: after_disassociate(change.waiting(result), result, deleted), consent=consent)
