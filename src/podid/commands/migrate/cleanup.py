"""podid migrate cleanup."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NARROW
from podid.domain.dependents import unread_users
from podid.domain.errors import AccessDenied, CredentialsError, Unavailable
from podid.domain.migration import MigrationCleanup
from podid.domain.option import arguments
from podid.domain.plan import Consent, Plan
from podid.domain.text import count_of
from podid.ops.options import REMOVE_FROM_TARGETS


@command(
    shared=(*CLUSTER, *KUBERNETES, *NARROW),
    needs="Iam.list_oidc_providers Iam.list_roles",
    optional=(
        ("deleting OIDC providers", "OIDC_PROVIDER.delete"),
        (
            "deleting roles",
            ("DELETING_ROLE Iam.get_role Iam.list_role_names"),
        ),
        ("--update-trust", "ROLE_TRUST.update"),
        (
            "listing kiam and kube2iam",
            (
                "Eks.get_cluster KubeReader.list_daemon_sets KubeReader.list_pods KubeReader.list_pod_templates "
                "KubeReader.list_annotations"
            ),
        ),
        ("deleting kiam and kube2iam; grant it in their namespace", "AGENT.delete"),
    ),
)
def cleanup(
    access: Access,
    names: tuple[str, ...] = arguments("[NAME...]", "ARNs and workloads to delete, from the list."),
    update_trust: bool = REMOVE_FROM_TARGETS,
) -> None:
    """List and delete unused resources after a migration.

    podid lists OIDC providers that no role trusts, and roles that no principal can assume. If you specify a cluster,
    podid also lists kiam and kube2iam if no workload uses them. It deletes only the resources that you specify, and
    asks for confirmation first, or requires --yes. podid undo creates roles and OIDC providers again, but not
    workloads.

    Example: podid migrate cleanup

    Example: podid migrate cleanup arn:aws:iam::111122223333:role/irsa-reports --dry-run
    """
    from podid.cli.changing import Change
    from podid.ops.migrate.cleanup import is_workload, plan_cleanup, read_leftovers, with_agents
    from podid.render.migration import cleanup_view

    deleting = any(map(is_workload, names))
    clustered = access.named is not None or deleting
    place = access.place(for_change=True) if clustered else access.account_place()

    def reading() -> MigrationCleanup:
        with access.terminal.working("reading roles and OIDC providers"):
            leftovers = read_leftovers(access.clients.iam)
            if clustered:
                leftovers = with_agents(leftovers, access.clients, place, access.runtime.now(), deleting=deleting)
            return leftovers

    def planning() -> Plan:
        try:
            leftovers = reading()
        except CredentialsError:
            raise
        except (AccessDenied, Unavailable) as error:
            raise unread_users("the leftovers", error) from error
        return plan_cleanup(access.clients, place, access.journal, leftovers, names, update_trust=update_trust)

    if not names:
        leftovers = reading()
        if not clustered:
            access.terminal.note("not checked: kiam and kube2iam (no cluster is specified)")
        access.terminal.note(*(text for agent in leftovers.agents for text in agent.sentences[1:]))
        access.terminal.emit(cleanup_view(leftovers))
        access.terminal.leave(leftovers.exit_code)
        return
    change = Change.begin(access, place)
    question = f"Delete {count_of(len(set(names)), 'leftover')}?"
    change.run(planning(), consent=Consent(question=question, needed_for="Deleting leftovers"), again=planning)
