"""podid role show."""

from typing import Annotated

import typer

from podid.cli.arguments import RoleName
from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.checks.all import ALL
    from podid.domain.rights import rights_of
    from podid.ops.reading.sections import rights as rights_of_checks

    own = rights_of(
        (
            Iam.get_role,
            Iam.list_role_names,
            Iam.get_policies,
            Iam.get_managed_document,
            Eks.list_associations,
            Eks.list_clusters,
        )
    )
    return CommandRights(own | rights_of_checks(ALL))


@command(shared=(*CLUSTER, *KUBERNETES), rights=rights)
def show(
    access: Access,
    terminal: Terminal,
    options: Shared,
    name: RoleName,
    all_clusters: Annotated[
        bool, typer.Option("--all-clusters", help="Look for associations in every cluster of every region.")
    ] = False,
) -> None:
    """Show a role, its trust and who uses it.

    Who may assume it, what it may do in words, what made it, and what is wrong with it. Of each association that names
    it: whether the trust policy allows its pods, and the status of its service account.

    Example: podid role show shop-orders
    """
    from dataclasses import replace

    from podid.cli.foreseeing import MOST_USERS
    from podid.cli.judging import judge
    from podid.domain.errors import AccessDenied, Conflict, NotFound, UsageError
    from podid.ops.role.read import read_role
    from podid.ops.role.uses import read_all_uses, read_uses
    from podid.ops.status.look import wanted_for
    from podid.render.roles import role_view

    access.check_account()
    found = read_role(access.aws.iam, name)
    with terminal.working("reading associations"):
        if all_clusters:
            found = found.with_uses(read_all_uses(access.aws, found.account), access.aws.region)
        else:
            try:
                cluster = access.place().cluster_name
            except (UsageError, NotFound, AccessDenied, Conflict) as error:
                if options.cluster is not None:
                    raise
                terminal.explain(f"associations not looked at: {error.what}")
            else:
                found = found.with_uses(read_uses(access.aws, found.account, (cluster,)), access.aws.region)
                refs = found.used_by
                if 0 < len(refs) <= MOST_USERS:
                    found = replace(found, report=judge(access, access.place(), wanted_for(refs)).report)
    terminal.emit(role_view(found, access.runtime.now()))
