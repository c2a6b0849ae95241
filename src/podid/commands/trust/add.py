"""podid trust add."""

from dataclasses import replace

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER
from podid.ops.trust.request import TrustAddOptions


@command(
    shared=(*CLUSTER, *CHANGE),
    optional=(
        ("--role", "EDITING_TRUST"),
        ("reading whether the associations send session tags", "Eks.find_association"),
        "USERS LONG_TRUST",
    ),
)
def add(access: Access, options: TrustAddOptions) -> None:
    """Allow service accounts in a trust policy.

    podid adds a statement for each service account that is not allowed yet. Every other statement keeps its values and
    its place. For a file, podid prints the new policy, or writes it with --in-place. With --role, it changes the trust
    policy of the role. Exit 6 if the policy cannot be changed.

    Example: podid trust add trust.json --for shop/orders --cluster-arn "$CLUSTER_ARN" --in-place

    Example: podid trust add --role storefront --for shop/orders

    Example: podid trust add --role storefront --for shop/orders --scope namespace --dry-run

    Example: podid trust add --role storefront --for shop/orders --condition aws:SourceOrgID=o-a1b2c3d4e5
    """
    from podid.cli.changing import Change
    from podid.commands.trust.edits import associations_of, edit_files, edit_role, read_role, role_place, subjects_of
    from podid.ops.trust.edit import adding

    options.check_together(access.terminal.read_file)
    place = None if options.role is None else role_place(access, options)
    added = replace(subjects_of(access, options), conditions=options.conditions)
    if options.session_tags is None:
        associations = associations_of(access, options)
        untagged = [ref for ref, association in associations.items() if association and not association.session_tags]
        added = replace(added, untagged=untagged)
    if options.role is None or place is None:
        edit_files(access, options, adding(added))
        return
    change = Change.begin(access, place)
    role = read_role(access, place, options.role)
    names = ", ".join(map(str, added.refs))
    edit_role(change, role, adding(added), why=f"to allow {names}")
