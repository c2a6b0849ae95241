"""podid role create."""

from functools import partial

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, GUIDED, KUBERNETES, NARROW
from podid.domain.errors import Other, UsageError
from podid.domain.plan import ChangeResult
from podid.ops.role.request import RoleRequest


@command(
    shared=(*CLUSTER, *KUBERNETES, *NARROW),
    needs="CREATING_ROLE ROLE_TRUST.update",
    optional=(
        "NAMING POLICY_CHECKS TARGET_ROLE LONG_TRUST",
        ("--target-role --no-session-tags: the associations' external IDs", "Eks.find_association"),
        (GUIDED, "ASKING Iam.list_roles KubeReader.list_service_accounts KubeReader.list_pods"),
        ("--replace", "ROLE_SETTINGS.update USERS_OF_ROLES"),
        "TAKING_BACK",
    ),
)
def create(access: Access, options: RoleRequest) -> None:
    """Create an IAM role for a service account's pods.

    Without arguments on a terminal, podid prompts for the values.

    The trust policy allows only this cluster, namespace and service account. Running the command again changes nothing.

    With --target-role, the role can assume this target role. If its trust policy does not allow this, podid exits with
    6; --update-trust adds the statement. If podid cannot read it, podid prints the statement for its owner.

    Example: podid role create shop-orders --for shop/orders --policy-file dynamodb-read.json

    Example: podid role create --for shop/orders --preset s3-read,bucket=orders

    Example: podid role create shop-orders --for shop/orders --print terraform
    """
    from podid.cli.changing import Change
    from podid.cli.guide.run import ask_instead
    from podid.ops.role.create import complete, create_request, named, new_role, own_target, plan_creating, plan_target
    from podid.ops.role.policies import validated
    from podid.ops.role.target import next_command, owner_change_words, with_owner_changes
    from podid.render.forms import role_form_view

    ask_instead(access, "role", "create")
    if not options.refs:
        raise UsageError("Specify the service account: --for NAMESPACE/NAME", hint=Other(("role", "create", "--help")))
    if options.target_profile and not options.target_role:
        raise UsageError("--target-profile requires --target-role")
    request = create_request(options, access.terminal.read_file)
    place = access.place(for_change=not options.print_)
    change = Change(access, place)
    if not options.print_:
        change.settle()
    request = named(request, place.the_cluster)

    with access.terminal.working(f"reading role {request.name}") as progress:
        request = complete(access.clients, place, request, progress.glance)
        if options.print_:
            at_target = plan_target(access.clients, place, request, None, own_target(request))
            actions, changes = new_role(request, place.the_cluster, access.clients.trust_quota), at_target.owner_changes
            access.terminal.emit(role_form_view(options.print_, actions, changes))
            access.terminal.note(*at_target.notes, *map(owner_change_words, changes))
            return
        # a wider trust policy names no service account
        absent = change.absent_notes(request.refs) if options.scope == "service-account" else ()
        plan = plan_creating(access.clients, place, access.journal, request, notes=absent, say=progress.glance)
    hint = partial(next_command, name=request.name, profile=options.target_profile, update=options.update_trust)
    plan = validated(change.with_next_commands(plan, hint), access.clients)

    def after(result: ChangeResult) -> ChangeResult:
        return with_owner_changes(change.take_back(result), None)

    change.run(plan, after)
