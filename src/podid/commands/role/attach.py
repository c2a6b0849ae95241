"""podid role attach."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, NARROW
from podid.domain.errors import UsageError
from podid.ops.role.request import AttachOptions


@command(
    shared=(*CLUSTER, *NARROW),
    needs=(
        "Iam.get_role Iam.list_role_names ROLE_POLICY.create ROLE_POLICY.update ROLE_ATTACHMENT.create Iam.find_policy"
    ),
    optional=(
        "POLICY_CHECKS USERS",
        ("--preset: presets that contain the cluster", "Eks.get_cluster"),
    ),
)
def attach(access: Access, options: AttachOptions) -> None:
    """Add permissions to a role.

    Without --replace, existing policies of the role stay unchanged. Pods get the new permissions within seconds,
    without a restart.

    Example: podid role attach shop-orders --preset dynamodb-read,table=orders

    Example: podid role attach shop-orders --managed-policy AmazonS3ReadOnlyAccess

    Example: podid role attach shop-orders --policy-file dynamodb-read.json --replace
    """
    from podid.cli.changing import Change
    from podid.ops.role.plan import plan_attach
    from podid.ops.role.policies import read_policies, validated
    from podid.ops.role.presets import parse_choice

    policies = read_policies(access.terminal.read_file, options.policy_files)
    for text in options.presets:
        parse_choice(text)
    if not policies and not options.managed_policies and not options.presets:
        raise UsageError("Specify permissions: --preset, --managed-policy or --policy-file")
    change = Change.begin(access, access.account_place())
    with access.terminal.working(f"reading role {options.role}"):
        plan, role = plan_attach(access.clients, change.place, access.journal, options, policies, access.place)
    change.run(change.with_outlook_of_role(validated(plan, access.clients), role))
