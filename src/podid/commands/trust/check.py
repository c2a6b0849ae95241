"""podid trust check."""

from typing import TYPE_CHECKING

from podid.cli.arguments import CLUSTER_ARN, SESSION_TAGS, TRUST_FILES, TRUST_FOR, TRUST_ROLE
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CLUSTER
from podid.domain.option import option, several
from podid.domain.rights import CommandRights, OptionalRight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podid.ops.trust.check import PolicyChecks
    from podid.ops.trust.files import TrustFile


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam

    of_role = OptionalRight.of("--role", Iam.get_role, Iam.list_role_names, Eks.list_associations)
    return CommandRights.of(optional=(of_role,))


@command(shared=CLUSTER, rights=rights)
def check(
    access: Access,
    terminal: Terminal,
    files: tuple[str, ...] = TRUST_FILES,
    role: str | None = TRUST_ROLE,
    for_: tuple[str, ...] = TRUST_FOR,
    cluster_arn: str | None = CLUSTER_ARN,
    session_tags: bool = SESSION_TAGS,
    base_role: str | None = option(
        "ARN", "The policy is a target role's: this is the association's own role, which assumes it."
    ),
    external_id: str | None = option("ID", "The association's externalId, with --base-role."),
    role_tag: tuple[str, ...] = several("KEY=VALUE", "A tag of the role that FILE belongs to. Repeatable."),
    pod: tuple[str, ...] = several("NAME", "A live pod, for conditions on pod names. Repeatable."),
) -> None:
    """Evaluate trust policies; a file takes no AWS access.

    Says for sts:AssumeRole and sts:TagSession which statement decides, why, and what to change. Without --for it says
    who may assume the role, whoever asks; with --role it is asked for every association of the cluster that uses it.
    Exit 0 when pods may, 3 when they may not or everybody in AWS may, 9 when that is not known, 2 when a file cannot be
    read.

    Example: podid trust check trust.json --for shop/orders --cluster-arn "$CLUSTER_ARN"
    """
    from podid.cli import typed
    from podid.cli.trusting import cluster_of, one_of_both
    from podid.domain.errors import UsageError
    from podid.ops.trust.check import Question, access_by, check_policies
    from podid.render.trust import access_view, check_view

    one_of_both(terminal, files, role)
    if external_id is not None and base_role is None:
        raise UsageError("--external-id belongs to the second hop: give --base-role with it")
    if not for_ and (cluster_arn is not None or base_role is not None or pod or not session_tags):
        raise UsageError("Specify the service account: --for NS/SA")
    # without --role-tag nobody knows the role's tags, and conditions on them stay unknown
    tags = typed.tags(role_tag, option="--role-tag") if role_tag else None
    if not for_:
        used = None if role is None else _of_uses(access, terminal, role)
        if used is None:
            anybody = access_by(_policies(access, terminal, files, role), tags)
            terminal.emit(access_view(anybody))
            terminal.leave(anybody.exit_code)
            return
        found = used
    else:
        question = Question(
            refs=typed.service_accounts(for_),
            cluster_arn=cluster_of(access, cluster_arn),
            session_tags=session_tags,
            base_role=base_role,
            external_id=external_id,
            role_tags=tags,
            pods=tuple(pod or ()),
            now=access.runtime.now(),
        )
        found = check_policies(_policies(access, terminal, files, role), question)
    terminal.emit(check_view(found))
    terminal.leave(found.exit_code)


def _policies(
    access: Access, terminal: Terminal, files: "Sequence[str] | None", role: str | None
) -> "Sequence[TrustFile]":
    from podid.cli.trusting import read_files, read_role
    from podid.ops.trust.files import of_role

    if role is None:
        return read_files(terminal, files or ())
    return [of_role(read_role(access, access.account_place(), role))]


def _of_uses(access: Access, terminal: Terminal, name: str) -> "PolicyChecks | None":
    from podid.cli.trusting import read_role
    from podid.ops.role.uses import read_uses
    from podid.ops.trust.check import check_uses

    place = access.place()
    role = read_role(access, place, name)
    with terminal.working("reading associations"):
        uses = read_uses(access.aws, place.account, (place.cluster_name,))
    found = check_uses(role, uses)
    if found is None:
        terminal.note(f"note: no association of cluster {place.cluster_name} uses role {role.name}")
    return found
