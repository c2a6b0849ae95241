"""podid associate."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, GUIDED, KUBERNETES, NAMESPACES, NARROW
from podid.ops.association.request import AssociateOptions


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *NARROW, "wait"),
    needs="ASSOCIATING Iam.list_role_names",
    optional=(
        (
            "--no-session-tags, --session-policy: reading the affected policies of the role",
            "Iam.list_inline_policies Iam.list_attached_policies Iam.get_managed_document",
        ),
        ("--create-role", "CREATING_ROLE ROLE_SETTINGS.update"),
        ("replacing settings of a role: what else uses it", "USERS_OF_ROLES"),
        "TARGET_ROLE POLICY_CHECKS TAKING_BACK",
        ("deleting a new service account whose association failed", "SERVICE_ACCOUNT.delete"),
        (GUIDED, "ASKING Iam.list_roles"),
        "CLUSTER_TAGS",
        ("--untag", "Eks.untag_association"),
        "RESTARTING",
    ),
    several=("cluster",),
)
def associate(access: Access, options: AssociateOptions) -> None:
    """Give a service account's pods an IAM role.

    Without options on a terminal, podid prompts for the values. If the association exists with other settings, podid
    reports a conflict (exit 6), unless you pass --replace. Without --role, podid changes only the settings of an
    existing association. podid undo reverts role, policies and association together. If one of several service accounts
    fails, podid continues with the others.

    Example: podid associate

    Example: podid associate shop/orders --role shop-orders

    Example: podid associate shop/orders --create-role --preset dynamodb-read,table=orders

    Example: podid associate --from-file associations.yaml --dry-run
    """
    from podid.cli.guide.run import ask_instead
    from podid.cli.multicluster import in_each_cluster
    from podid.commands.association.associating import associate_in
    from podid.ops.association.associate import associate_request

    ask_instead(access, "associate", ref=next(iter(options.service_accounts), None))
    namespace, read_file = access.shared.namespace, access.terminal.read_file
    request = associate_request(options, namespace, in_namespaces=access.in_namespaces, read_file=read_file)
    in_each_cluster(access, lambda cluster_access: associate_in(cluster_access, request), options.cluster_tags)
