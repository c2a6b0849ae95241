"""Shared parts of the commands that edit trust policies: edits of files and of a role."""

from podid.cli.access import Access
from podid.cli.changing import Change
from podid.domain.aws import Association, Role
from podid.domain.errors import UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Consent, Place
from podid.domain.section import Missing, attempt, known_or
from podid.domain.trust import ScopeKind
from podid.ops.association.read import current_associations
from podid.ops.change.journal import WAIT_SECONDS
from podid.ops.role.resolve import readable_role
from podid.ops.trust.edit import Edit, Subjects, plan_edit
from podid.ops.trust.files import check_own_cluster
from podid.ops.trust.request import TrustEditOptions, TrustOptions
from podid.render.formats import Format
from podid.render.trust import edits_view


def subjects_of(access: Access, options: TrustEditOptions) -> Subjects:
    """Return the service accounts whose access is edited. Raise UsageError if there is none."""
    if not options.service_accounts:
        raise UsageError("Specify the service account: --for NS/SA")
    return Subjects(
        refs=options.service_accounts,
        cluster_arn=access.cluster_arn(options.cluster_arn, for_change=True),
        scope=ScopeKind(options.scope),
        untagged=options.service_accounts if options.session_tags is False else (),
    )


def associations_of(access: Access, options: TrustOptions) -> dict[ServiceAccountRef, Association | None]:
    """Return the associations of the service accounts; none if podid does not read the cluster."""
    if options.cluster_arn is not None:
        return {}
    place = access.place()
    associations = attempt(lambda: current_associations(access.clients, place, options.service_accounts))
    if isinstance(associations, Missing):
        access.terminal.note(f"note: podid assumes that the associations send session tags: {associations.reason}")
    return known_or(associations, {})


def role_place(access: Access, options: TrustEditOptions, *, needs_cluster: bool = True) -> Place:
    """Return the place of the role. A cluster that is specified by its ARN is not read."""
    if needs_cluster and options.cluster_arn is None:
        return access.place(for_change=True)
    place = access.account_place()
    check_own_cluster(options.cluster_arn, place.account)
    return place


def edit_files(access: Access, options: TrustEditOptions, edit: Edit) -> None:
    """Print the new policies, or write them to their files. Write none if one of them is refused."""
    from podid.ops.trust.edit import edit_files

    names, in_place, terminal = options.files, options.in_place, access.terminal
    if in_place and "-" in names:
        raise UsageError("--in-place requires a file: stdin cannot be written")
    if access.shared.accept_unread:
        raise UsageError("--accept-unread requires --role: podid reads no users of the policy in a file")
    if len(names) > 1 and not in_place and access.shared.output in (Format.TABLE, Format.WIDE):
        raise UsageError("Several policies cannot be printed as text: pass --in-place or --output json")
    writes = in_place and not access.shared.dry_run
    edits = edit_files(names, edit, terminal.read_file, access.patience(WAIT_SECONDS), writes=writes)
    if in_place:
        terminal.note(*(f"note: {item.file.called}: {warning}" for item in edits for warning in item.warnings))
    else:
        terminal.note(*(f"note: {note}" for item in edits for note in item.notes))
    terminal.emit(edits_view(edits, in_place=in_place))


def read_role(access: Access, place: Place, name: str) -> Role:
    return readable_role(access.clients, name, account=place.account, partition=access.aws.partition)


def edit_role(change: Change, role: Role, edit: Edit, *, why: str, question: str = "") -> None:
    """Change a role's trust policy with a plan that shows the effect on its users. `question` asks for confirmation."""
    plan = change.with_outlook_of_role(
        plan_edit(role, edit, change.place.header, change.access.clients.trust_quota, why=why), role
    )
    change.run(plan, consent=Consent(question=question, needed_for="Removing access") if question else None)
