"""What the commands on trust policies do the same way: files on the one hand, a role on the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.cli import typed
from podid.domain.errors import InvalidInput, PodidError, UsageError
from podid.domain.names import parse_cluster_arn

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.cli.terminal import Terminal
    from podid.domain.model import Role
    from podid.domain.place import Place
    from podid.ops.trust.edit import Edit, Whom
    from podid.ops.trust.files import TrustFile


def one_of_both(terminal: Terminal, files: Sequence[str] | None, role: str | None) -> None:
    """Raises UsageError where neither files nor a role are named, or both, and for a file that cannot be read: who
    named that needs to hear of it first."""
    if not files and role is None:
        raise UsageError("Which trust policy? Name FILE ('-' is stdin), or a role with --role")
    if files and role is not None:
        raise UsageError("FILE and --role exclude each other")
    if list(files or ()).count("-") > 1:
        raise UsageError("'-' can be given once: there is one stdin")
    for name in files or ():
        if name != "-":
            terminal.read_file(name)


def cluster_of(access: Access, cluster_arn: str | None, *, for_change: bool = False) -> str:
    """--cluster-arn, or the ARN of the cluster at hand."""
    if cluster_arn is not None:
        if access.sources.get("cluster") == "--cluster":
            raise UsageError("--cluster-arn and --cluster exclude each other")
        parse_cluster_arn(cluster_arn)
        return cluster_arn
    try:
        return access.place(for_change=for_change).the_cluster.arn
    except PodidError as error:
        error.advise("Or name the cluster with --cluster-arn.")
        raise


def whom(
    access: Access, for_: Sequence[str] | None, cluster_arn: str | None, scope: str, *, session_tags: bool
) -> Whom:
    from podid.ops.trust.edit import Whom

    if not for_:
        raise UsageError("Whose access? Name a service account with --for NS/SA")
    refs, reach = typed.service_accounts(for_), typed.scope(scope)
    arn = cluster_of(access, cluster_arn, for_change=True)
    return Whom(refs=refs, cluster_arn=arn, scope=reach, session_tags=session_tags)


def read_files(terminal: Terminal, names: Sequence[str]) -> list[TrustFile]:
    from podid.ops.trust.files import read_trust

    return [read_trust(terminal.read_file(name), name) for name in names]


def edit_files(access: Access, terminal: Terminal, names: Sequence[str], edit: Edit, *, in_place: bool) -> None:
    """Prints the new policy, or writes it into its file; nothing is written where one of several is refused."""
    from podid.ops.change.locks import WAIT_SECONDS
    from podid.ops.trust import edit as ops
    from podid.ops.trust.files import locked, write_in_place
    from podid.render.formats import Format
    from podid.render.trust_edits import edits_view

    if in_place and "-" in names:
        raise UsageError("--in-place needs a file: stdin cannot be written to")
    if len(names) > 1 and not in_place and access.shared.output in (Format.TABLE, Format.WIDE):
        raise UsageError("Several new policies on one stdout: use --in-place or --output json")
    writes = in_place and not access.shared.dry_run
    with locked(names if writes else (), access.patience(WAIT_SECONDS)) as facts:
        found = ops.edit_files(read_files(terminal, names), edit)
        for item in found if writes else ():
            if item.changed:
                write_in_place(item.file, item.edit.policy, facts[item.file.name])
    if not in_place:
        terminal.note(*(f"note: {note}" for item in found for note in item.notes))
    terminal.emit(edits_view(found, in_place=in_place))


def role_place(access: Access, cluster_arn: str | None, *, needs_cluster: bool = True) -> Place:
    """A role belongs to no cluster: one that is named by its ARN is not looked at."""
    if needs_cluster and cluster_arn is None:
        return access.place(for_change=True)
    place = access.account_place()
    if cluster_arn is not None and parse_cluster_arn(cluster_arn).account != place.account:
        raise InvalidInput(
            f"{cluster_arn} is a cluster of another account than the role's, {place.account}: EKS takes only roles of "
            "the cluster's own account",
            subject=cluster_arn,
        )
    return place


def read_role(access: Access, place: Place, text: str) -> Role:
    from podid.ops.role.resolve import resolve_role

    found = resolve_role(access.aws.iam, text, account=place.account, partition=access.aws.partition)
    if found.role is None:
        assert found.denied is not None
        raise found.denied
    return found.role


def edit_role(
    access: Access,
    terminal: Terminal,
    place: Place,
    role: Role,
    edit: Edit,
    *,
    why: str,
    question: str = "",
) -> None:
    """A plan like every change, with what comes of it for those who use the role; what takes access away asks."""
    from podid.cli.changing import carry_out, report
    from podid.cli.foreseeing import with_outlook_of_role
    from podid.ops.trust.edit import plan_edit

    plan = with_outlook_of_role(access, terminal, plan_edit(role, edit, place.header, why=why), role)
    result = carry_out(access, terminal, plan, question=question, needed_for="Taking access away")
    if result is not None:
        report(terminal, result)
