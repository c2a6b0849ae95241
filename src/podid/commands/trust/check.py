"""podid trust check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER
from podid.domain.errors import UsageError
from podid.ops.trust.request import TrustCheckOptions

if TYPE_CHECKING:
    from podid.ops.trust.check import PolicyChecks
    from podid.ops.trust.files import TrustFile


@command(
    shared=CLUSTER,
    optional=(
        ("--role", "Iam.get_role Iam.list_role_names Eks.list_associations"),
        ("--for: reading whether the associations send session tags", "Eks.find_association"),
    ),
)
def check(access: Access, options: TrustCheckOptions) -> None:
    """Evaluate trust policies in files or of a role.

    For sts:AssumeRole and sts:TagSession, podid shows the deciding statement, the reason and the fix. Without --for, it
    lists who can assume the role. With --role and without --for, it checks every association of the cluster that uses
    the role. With --role and --for, podid evaluates the request of the association: without session tags if it disables
    them, and from its own role if ROLE is its target role. With FILE and --cluster-arn, podid does not call AWS.

    Exit 0 if the pods are allowed, 3 if they are not, 9 if that is not known, 2 if a file cannot be read. Exit 3 also
    if every AWS principal is allowed.

    Example: podid trust check trust.json --for shop/orders --cluster-arn "$CLUSTER_ARN"

    Example: podid trust check --role storefront

    Example: podid trust check --role storefront --for shop/orders
    """
    from podid.commands.trust.edits import associations_of
    from podid.ops.trust.check import Question, access_by, check_policies
    from podid.render.trust import access_view, check_view

    options.check_together(access.terminal.read_file)
    refs, base_role, tags = options.service_accounts, options.base_role, options.session_tags
    if options.external_id is not None and base_role is None:
        raise UsageError("--external-id requires --base-role")
    of_request = options.cluster_arn is not None or base_role is not None or options.pods or tags is not None
    if not refs and (of_request or (options.role is not None and options.role_tags is not None)):
        raise UsageError("Specify the service account: --for NS/SA")
    if refs:
        question = Question(
            options=options,
            cluster_arn=access.cluster_arn(options.cluster_arn),
            role_tags=options.role_tags,
            now=access.runtime.now(),
            associations=associations_of(access, options),
        )
        checks = check_policies(_policies(access, options), question)
    elif options.role is not None and (used := _of_uses(access, options.role)) is not None:
        checks = used
    else:
        # without --role-tag the role's tags are not known, and conditions on them stay unknown
        anybody = access_by(_policies(access, options), options.role_tags)
        access.terminal.emit(access_view(anybody))
        access.terminal.leave(anybody.exit_code)
        return
    access.terminal.emit(check_view(checks))
    access.terminal.leave(checks.exit_code)


def _policies(access: Access, options: TrustCheckOptions) -> Sequence[TrustFile]:
    from podid.commands.trust.edits import read_role
    from podid.ops.trust.files import of_role, read_files

    if options.role is None:
        return read_files(options.files, access.terminal.read_file)
    return [of_role(read_role(access, access.account_place(), options.role))]


def _of_uses(access: Access, name: str) -> PolicyChecks | None:
    from podid.commands.trust.edits import read_role
    from podid.ops.role.uses import read_uses
    from podid.ops.trust.check import check_uses

    place = access.place()
    role = read_role(access, place, name)
    with access.terminal.working("reading associations"):
        uses = read_uses(access.aws, place.account, [(access.aws.region, place.cluster_name)])
    checks = check_uses(role, uses)
    if checks is None:
        access.terminal.note(f"note: no association of cluster {place.cluster_name} uses role {role.name}")
    return checks
