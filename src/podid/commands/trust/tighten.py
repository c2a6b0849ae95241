"""podid trust tighten."""

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER
from podid.domain.option import options, switch
from podid.domain.permissions import CommandPermissions
from podid.ops.trust.request import TrustEditOptions


def permissions() -> CommandPermissions:
    from podid.aws.eks import Eks
    from podid.cli.permissions import editing_trust

    return editing_trust(Eks.list_clusters, Eks.list_associations)


@options
class TrustTightenOptions(TrustEditOptions):
    skip_disabled_regions: bool = switch(
        "Assume that regions which do not know the credentials have no cluster of the account."
    )


@command(shared=(*CLUSTER, *CHANGE), permissions=permissions)
def tighten(access: Access, options: TrustTightenOptions) -> None:
    """Narrow a trust policy to those who use the role.

    Wide statements for EKS Pod Identity give way to one for each association that uses the role, in any cluster of
    any region; every region must be readable, and nobody who uses the role loses it. A file does not tell who uses its
    role: name them with --for. Exit 6 where it cannot be.

    Example: podid trust tighten --role storefront --dry-run
    """
    from podid.cli.changing import settle_interrupted
    from podid.commands.trust.edits import edit_files, edit_role, read_role, whom
    from podid.domain.errors import UsageError
    from podid.domain.trust import ScopeKind
    from podid.ops.role.uses import read_all_uses
    from podid.ops.trust.edit import tightening, users_of, users_words
    from podid.ops.trust.files import check_named

    check_named(options.files, options.role, access.terminal.read_file)
    scope = ScopeKind(options.scope)
    if options.role is None:
        identities = whom(access, options).identities({})
        edit_files(access, options, tightening(identities, scope))
        return
    if options.service_accounts or options.cluster_arn is not None:
        raise UsageError("--for and --cluster-arn belong to FILE: of a role its associations are read")
    place = access.account_place()
    settle_interrupted(access, place)
    role = read_role(access, place, options.role)
    with access.terminal.working("reading the associations of every region"):
        uses = read_all_uses(access.aws, place.account)
    users = users_of(role, uses, skip_disabled=options.skip_disabled_regions)
    question = f"Narrow the trust policy of role {role.name} to {users_words(users)}?"
    edit_role(access, place, role, tightening(users, scope), why=f"narrowed to {users_words(users)}", question=question)
