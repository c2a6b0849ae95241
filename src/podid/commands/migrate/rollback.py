"""podid migrate rollback."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES, NARROW
from podid.domain.migration import OlderWay, sources_words
from podid.domain.names import ServiceAccountRef
from podid.domain.option import option, options
from podid.domain.plan import Consent
from podid.domain.text import count_of
from podid.ops.options import SERVICE_ACCOUNTS


@options
class RollbackOptions:
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    from_: str = option(
        "SOURCE",
        "The previous source of credentials, if podid cannot derive it.",
        name="--from",
        values=tuple(OlderWay),
    )


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *NARROW),
    needs="MIGRATION_BEGUN ROLE_TRUST.update ASSOCIATION.delete",
    optional=(
        ("checking that the OIDC provider exists", "Iam.find_oidc_provider"),
        ("restoring annotations; grant it per namespace", "ANNOTATIONS.update"),
        ("kiam and kube2iam; grant it per namespace", "POD_TEMPLATE.update"),
        ("service accounts that podid created: reading RoleBindings", "KubeReader.list_bindings"),
        ("deleting base roles that podid created", "ROLE.delete ROLE_POLICY.delete TARGET_TRUST.update"),
        "MANY_ROLES MIGRATING_ADDONS DRY_RUNS RESTARTING",
    ),
)
def rollback(access: Access, options: RollbackOptions) -> None:
    """Roll service accounts back to IRSA, kiam or kube2iam.

    You can roll back from any stage, also after podid migrate finish. podid first restores the trust statement and the
    annotations. Workloads that got their own service account get their previous one back. Then podid deletes the
    association and restarts the workloads. Finally it removes the statement for EKS Pod Identity. Pods always have
    credentials. The command asks for confirmation, or requires --yes.

    Example: podid migrate rollback shop/orders

    Example: podid migrate rollback -n shop --dry-run
    """
    from podid.cli.changing import Change
    from podid.commands.migrate.reading import read
    from podid.ops.migrate.items import refs_to_roll_back
    from podid.ops.migrate.rollback import plan_rollback, with_provider

    access.check_whose_pods(options.service_accounts)
    change = Change(access, access.place(for_change=True))
    access.kube.needed()
    with change.alone():
        change.settle()
        named = options.service_accounts
        migration = read(access, change.place, refs=named, complete=True, create=True, begun=True)
        refs = named or refs_to_roll_back(migration, access.shared.namespace, access.journal)
        clients = access.clients
        planned = plan_rollback(migration, refs, access.journal, clients, options.from_)
        planned = with_provider(planned, clients)
        old = sources_words(planned.older) or "the previous credentials"
        question = f"Roll {count_of(len(planned.refs), 'service account')} back to {old} and restart their workloads?"
        change.roll_back(planned, Consent(question=question, needed_for="Rolling back"))
