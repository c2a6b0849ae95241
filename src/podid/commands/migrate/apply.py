"""podid migrate apply."""

from functools import cache, partial

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.errors import Declined, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Consent
from podid.domain.text import count_of
from podid.ops.migrate.request import ApplyOptions


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CHANGE),
    needs="MIGRATION ROLE_TRUST.update ASSOCIATION.create",
    optional=(
        ("rolling back failed service accounts", "ASSOCIATION.delete"),
        (
            "--create-service-accounts; grant it per namespace",
            "SERVICE_ACCOUNT.create POD_TEMPLATE.update KubeReader.list_bindings",
        ),
        "MIGRATION_TRAIL MANY_ROLES READING_ADDONS MIGRATING_ADDONS",
        ("--base-role", "ROLE.create ROLE_POLICY.create"),
        "TARGET_ROLE POLICY_CHECKS",
        ("--install-agent", "INSTALLING_AGENT"),
        "DRY_RUNS RESTARTING",
        ("redeeming pods' tokens; grant it per namespace", "TOKENS"),
    ),
)
def apply(access: Access, options: ApplyOptions) -> None:
    """Migrate service accounts to Pod Identity.

    For each service account, podid extends the trust policy of its role, creates the association, waits until it takes
    effect, restarts the workloads and redeems a token of every pod. podid does not change IRSA, kiam or kube2iam, so
    pods always have credentials. If a service account fails, podid deletes its association and restarts its workloads
    with the previous credentials. With --create-service-accounts, podid creates separate service accounts for workloads
    that share one. podid migrates the first service account alone. --timeout limits each wait for credentials, not the
    whole command. A rerun continues after the last completed step. The command asks for confirmation, or requires
    --yes.

    Example: podid migrate apply shop/orders

    Example: podid migrate apply -n shop --yes

    Example: podid migrate apply -n shop --create-service-accounts --yes

    Example: podid migrate apply --plan plan.json
    """
    from podid.cli.changing import Change
    from podid.cli.plan_key import read_plan_key
    from podid.commands.migrate.reading import choose
    from podid.ops.change.guard import check_guards
    from podid.ops.migrate.carry import Carrying, carry_out
    from podid.ops.migrate.saved import read_plan
    from podid.render.changes import plan_view

    access.limit_waits()
    saved = None
    if options.plan:
        key = read_plan_key(access, options.plan_key_file)
        saved = read_plan(access.terminal.read_file(options.plan), options.plan, key)
    if saved is None:
        access.check_whose_pods(options.which.service_accounts)
    elif options.which.service_accounts:
        raise UsageError("--plan and service accounts cannot be used together")
    change = Change(access, access.place(for_change=True))
    access.kube.needed()
    with change.alone():
        change.settle()
        chosen = choose(access, change.place, options, saved)
        check_guards(access.clients, chosen.plan)
        plan = chosen.plan.noting(change.owner_notes(chosen.plan))
        if access.shared.dry_run:
            access.terminal.emit(plan_view(plan))
            return
        if chosen.items:
            change.show(plan)
            if saved is None and not options.approve_each:
                question = f"Migrate {count_of(len(chosen.items), 'service account')} and restart their workloads?"
                access.terminal.consent(Consent(question=question, needed_for="Migrating service accounts"))
        how = Carrying(
            clients=access.clients,
            journal=access.journal,
            command=access.runtime.argv,
            patience=access.patience,
            restarting=change.plan_restarts(),
            at_place=access.at_place,
            options=options,
            agree=cache(partial(_agrees, access)) if options.approve_each else None,
        )
        access.runtime.changing = True
        try:
            result = carry_out(chosen, how)
        finally:
            access.terminal.progress.done()
        change.report(result)


def _agrees(access: Access, ref: ServiceAccountRef) -> bool:
    try:
        access.terminal.consent(Consent(question=f"Migrate {ref}?", needed_for="--approve-each"), flag="")
    except Declined:
        return False
    return True
