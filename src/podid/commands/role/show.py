"""podid role show."""

from dataclasses import replace

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.errors import AccessDenied, Conflict, NotFound, UsageError
from podid.domain.option import switch
from podid.ops.options import ROLE


@command(
    shared=(*CLUSTER, *KUBERNETES, "journal_dir"),
    needs=(
        "CHECKING Iam.get_role Iam.list_role_names Iam.get_policies Iam.get_managed_document "
        "Eks.list_associations Eks.list_clusters"
    ),
    optional=("OWNERS STACKS",),
)
def show(
    access: Access,
    name: str = ROLE,
    all_clusters: bool = switch("Search every cluster of every region for associations."),
) -> None:
    """Show a role, its trust policy and its associations.

    The output lists who can assume the role, its permissions, the tool that created it, and its problems. For each
    association that uses the role, it shows whether the trust policy allows the pods, the status of the service
    account, and its pods by name. Exit 9 if something could not be read.

    Example: podid role show shop-orders

    Example: podid role show shop-orders --all-clusters

    Example: podid role show shop-orders -o json
    """
    from podid.cli.changing import MOST_USERS
    from podid.ops.role.read import read_role, with_owner
    from podid.ops.role.uses import read_all_uses, read_uses
    from podid.ops.status.diagnose import wanted_for
    from podid.render.roles import role_view

    access.check_account()
    reading, custom = read_role(access.clients, name), False
    with access.terminal.working("reading associations"):
        if all_clusters:
            reading = reading.with_uses(read_all_uses(access.aws, reading.account), access.aws.region)
        else:
            try:
                place = access.place()
            except (UsageError, NotFound, AccessDenied, Conflict) as error:
                if access.shared.cluster is not None:
                    raise
                access.terminal.explain(f"associations not checked: {error.message}")
            else:
                custom = True
                uses = read_uses(access.aws, reading.account, [(access.aws.region, place.cluster_name)])
                reading = reading.with_uses(uses, access.aws.region)
                refs = reading.used_by
                if len(refs) > MOST_USERS:
                    access.terminal.note(f"The status of {len(refs)} service accounts was not checked: podid status")
                elif refs:
                    reading = replace(reading, report=access.examine(place, wanted_for(refs)).report)
        reading = with_owner(access.clients, reading, custom=custom)
    access.terminal.emit(role_view(reading, access.runtime.now()))
    access.terminal.leave(reading.exit_code)
