"""podid role detach."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, NARROW
from podid.domain.errors import UsageError
from podid.domain.plan import Consent
from podid.ops.role.request import DetachOptions


@command(
    shared=(*CLUSTER, *NARROW),
    needs="Iam.get_role Iam.list_role_names ROLE_POLICY.delete ROLE_ATTACHMENT.delete",
    optional=("USERS",),
)
def detach(access: Access, options: DetachOptions) -> None:
    """Remove permissions from a role. Asks for confirmation, or requires --yes.

    Pods lose the permissions within seconds. An inline policy is deleted; podid undo restores it.

    Example: podid role detach shop-orders --managed-policy AmazonS3ReadOnlyAccess

    Example: podid role detach shop-orders --inline-policy dynamodb-read --yes

    Example: podid role detach shop-orders --preset dynamodb-read,table=orders
    """
    from podid.cli.changing import Change
    from podid.ops.role.plan import plan_detach
    from podid.ops.role.presets import parse_choice

    for text in options.presets:
        parse_choice(text)
    if not options.presets and not options.managed_policies and not options.inline_policies:
        raise UsageError("Specify permissions: --preset, --managed-policy or --inline-policy")
    change = Change.begin(access, access.account_place())
    with access.terminal.working(f"reading role {options.role}"):
        done = access.journal.done_before(access.runtime.argv, change.place.header)
        plan, role = plan_detach(access.clients, change.place, access.journal, options, done)
    consent = Consent(
        question=f"Remove these permissions from role {role.name}?",
        needed_for="Removing permissions",
        word="detach" if len(plan.actions) > 1 else "",
    )
    change.run(change.with_outlook_of_role(plan, role), consent=consent)
