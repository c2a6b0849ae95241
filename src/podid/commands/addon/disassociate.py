"""podid addon disassociate."""

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.option import argument, arguments
from podid.domain.plan import Consent
from podid.ops.addon.request import account_name


@command(
    shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"),
    needs="ADDON_ASSOCIATIONS.update Eks.list_associations Eks.get_addon_configuration",
    optional=("RUNNING_PODS DRY_RUNS STATUS",),
)
def disassociate(
    access: Access,
    addon: str = argument("ADDON", "The installed add-on."),
    accounts: tuple[str, ...] = arguments(
        "SA...", "Service accounts of the add-on.", read=lambda texts: tuple(map(account_name, texts))
    ),
) -> None:
    """Delete an add-on's associations. Asks for confirmation, or requires --yes.

    The add-on's other service accounts keep their roles. If the add-on has an IRSA role, its pods use that role again.

    Example: podid addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa --dry-run

    Example: podid addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa --yes
    """
    from podid.cli.changing import Change, refuse_state
    from podid.ops.addon.associate import plan_addon_without, read_addon
    from podid.ops.association.aftermath import without_credentials
    from podid.ops.change.kinds.addon import roles_of

    refuse_state(access)
    change = Change.begin(access)
    place = change.place
    with access.terminal.working(f"reading add-on {addon} and its associations"):
        facts = read_addon(access.clients, place, addon)
    done = access.journal.done_before(access.runtime.argv, place.header)
    gone = {name for action in done for name in roles_of(action.before) if name not in roles_of(action.after)}
    plan = plan_addon_without(place.header, facts, [name for name in accounts if name not in gone - facts.roles.keys()])
    refs = [facts.ref(name) for name in accounts]
    consent = Consent(
        question=f"Delete the association of {', '.join(map(str, refs))}?",
        needed_for="Deleting an association",
        word="delete" if len(refs) > 1 else "",
    )
    plan = change.with_outlook(plan, refs)
    change.run(plan, lambda result: without_credentials(change.waiting(), result, refs), consent=consent)
