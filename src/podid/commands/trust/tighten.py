"""podid trust tighten."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, NARROW
from podid.domain.errors import UsageError
from podid.ops.trust.request import TrustEditOptions


@command(
    shared=(*CLUSTER, *NARROW),
    optional=(
        ("--role", "EDITING_TRUST Eks.list_clusters Eks.list_associations"),
        "USERS LONG_TRUST",
    ),
)
def tighten(access: Access, options: TrustEditOptions) -> None:
    """Narrow a trust policy to the pods that use the role.

    podid replaces wide statements for EKS Pod Identity with one for each association that uses the role, in any cluster
    of any region. No current user of the role loses access; podid therefore makes no change if it cannot read a region
    (exit 9), except with --accept-unread. For a file, specify the users with --for. Exit 6 if the policy cannot be
    narrowed.

    Example: podid trust tighten --role storefront --dry-run

    Example: podid trust tighten trust.json --for shop/orders --cluster-arn "$CLUSTER_ARN" --in-place
    """
    from podid.cli.changing import Change
    from podid.commands.trust.edits import edit_files, edit_role, read_role, subjects_of
    from podid.domain.trust import ScopeKind
    from podid.ops.role.uses import read_all_uses
    from podid.ops.trust.edit import tightening, users_of, users_words

    options.check_together(access.terminal.read_file)
    scope = ScopeKind(options.scope)
    if options.role is None:
        identities = subjects_of(access, options).identities({})
        edit_files(access, options, tightening(identities, scope))
        return
    if options.service_accounts or options.cluster_arn is not None or options.session_tags is not None:
        raise UsageError(
            "--role cannot be used together with --for, --cluster-arn or --session-tags: podid reads the role's "
            "associations"
        )
    change = Change.begin(access, access.account_place())
    role = read_role(access, change.place, options.role)
    with access.terminal.working("reading the associations of every region"):
        uses = read_all_uses(access.aws, change.place.account)
    users = users_of(role, uses, accept_unread=access.shared.accept_unread)
    question = f"Narrow the trust policy of role {role.name} to {users_words(users)}?"
    edit_role(change, role, tightening(users, scope), why=f"to narrow it to {users_words(users)}", question=question)
