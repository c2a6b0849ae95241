"""podid right-size."""

from dataclasses import replace
from datetime import timedelta

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NARROW
from podid.domain.errors import UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.option import option, options, repeatable, seconds, switch
from podid.domain.plan import Consent
from podid.ops.options import ADOPT, OLDER_THAN, SERVICE_ACCOUNT

# IAM takes seconds for a report
_REPORT_SECONDS = 120.0


@options
class RightSizeOptions:
    service_account: ServiceAccountRef = SERVICE_ACCOUNT
    older_than: str = OLDER_THAN
    keep: tuple[str, ...] = repeatable("ACTION", "Actions to keep, such as s3:GetObject or sqs:*.")
    events: str = option(
        "FILE|-", "CloudTrail events of the whole period, including data events. podid removes other actions."
    )
    cloudtrail: bool = switch(
        "Keep actions that CloudTrail recorded in the last four hours. IAM may not report them yet."
    )
    apply: bool = switch("Write the reduced policies. Asks for confirmation, or requires --yes.")
    adopt: bool = ADOPT


@command(
    shared=(*CLUSTER, *KUBERNETES, *NARROW),
    needs=(
        "Eks.find_association Eks.list_association_summaries Iam.get_role Iam.list_role_names Iam.get_policies "
        "Iam.get_managed_document Iam.start_usage_report Iam.find_usage_report"
    ),
    optional=(
        ("--cloudtrail", "CloudTrail.iter_sessions CloudTrail.iter_calls"),
        (
            "--apply: writing and removing policies of the role",
            "ROLE_POLICY.create ROLE_POLICY.update ROLE_POLICY.delete ROLE_ATTACHMENT.delete",
        ),
        "POLICY_CHECKS USERS NAMING",
    ),
)
def right_size(access: Access, options: RightSizeOptions) -> None:
    """Reduce a role's policies to the used permissions.

    podid prints the difference. --apply writes the reduced policies, and podid undo restores the previous ones. podid
    detaches a managed policy that it reduces, and writes the remaining statements as an inline policy. If the
    association has a target role, podid reduces the policies of the target role.

    IAM reports the use of services and of some actions in the last 400 days, including denied attempts. podid keeps
    other actions of a used service, because their use is not known. With --events, specify exported CloudTrail events
    that include data events. podid then removes the actions that are not in the file, and reduces resources to those in
    the events. With --cloudtrail, podid keeps the actions of the last four hours in CloudTrail's event history. The
    event history has no data events.

    podid does not change Deny statements, NotAction and conditions.

    Example: podid right-size shop/orders

    Example: podid right-size shop/orders --keep sqs:PurgeQueue --events trail.json

    Example: podid right-size shop/orders --apply --yes
    """
    from podid.cli.changing import Change
    from podid.local import data
    from podid.ops.audit.right_size import plan_right_size, read_recent, right_size
    from podid.ops.audit.unused import read_window
    from podid.ops.role.policies import validated
    from podid.render.access import right_size_view

    if access.shared.dry_run and not options.apply:
        raise UsageError("--dry-run requires --apply: without it podid changes nothing")
    terminal, ref, file = access.terminal, options.service_account, options.events
    events = data.read(terminal.read_file(file, most_mib=256), file) if file else None
    since = read_window(timedelta(seconds=seconds(options.older_than, "--older-than")), access.runtime.now())
    place, patience = access.place(for_change=options.apply), access.patience(_REPORT_SECONDS)
    change = Change(access, place)
    if options.apply:
        change.settle()
    clients, keep = access.clients, options.keep
    with terminal.working(f"reading the use of {ref}'s role") as progress:
        now, count = access.runtime.now(), progress.count
        recent = read_recent(clients, place, ref, now, count) if options.cloudtrail else None
        sizing = right_size(clients, place, ref, since, patience, keep=keep, events=events, file=file, recent=recent)
    adopt = options.adopt or not options.apply
    plan = validated(plan_right_size(access.journal_to_read, place, sizing, adopt=adopt), access.clients)
    if not options.apply:
        terminal.emit(right_size_view(replace(sizing, notes=plan.notes)))
        return
    question = f"Reduce the permissions of role {sizing.role.name}?"
    consent = Consent(question=question, needed_for="Reducing permissions") if plan.actions else None
    change.run(change.with_outlook_of_role(plan, sizing.role), consent=consent)
