"""The permissions of commands: the operations that they name, and groups of operations.

Only --show-permissions imports this module: it loads the clients.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from podid.aws.account import AccountManagement, CloudFormation, Organizations
from podid.aws.cloudtrail import CloudTrail
from podid.aws.ec2 import Ec2
from podid.aws.eks import Eks
from podid.aws.iam import AccessAnalyzer, Iam
from podid.aws.resource_policies import ResourcePolicies
from podid.aws.sts import EksAuth, Sts
from podid.domain.declaration import Declaration
from podid.domain.permissions import (
    CommandPermissions,
    Need,
    OptionalNeed,
    OptionalPermission,
    Permissions,
    permissions_of,
)
from podid.domain.plan import Verb
from podid.domain.section import Cost
from podid.kube.reader import KubeReader
from podid.kube.writer import KubeWriter
from podid.ops.agent.preflight import CHECKS
from podid.ops.agent.status import AGENT_CHECKS
from podid.ops.association.details import DETAILS, checks_for, sections_for
from podid.ops.audit import graph, unused
from podid.ops.change import kinds
from podid.ops.change.kinds.base import operation
from podid.ops.declare.reconcile import requires
from podid.ops.declare.request import ReconcileOptions
from podid.ops.migrate.items import FOR_CHANGES, FOUND_IN
from podid.ops.migrate.proxy_changes import OF_NODES
from podid.ops.reading.sections import optional_permissions
from podid.ops.reading.sections import permissions as permissions_of_checks
from podid.ops.status.diagnose import select


def declared(needs: str, optional: Iterable[OptionalNeed] = ()) -> CommandPermissions:
    """Return the permissions that a command declares: for the operations that it always needs, and the optional ones.

    An operation is a method of a gateway (`Eks.get_cluster`), or a kind of resource with a verb (`ROLE.create`). A name
    without a dot is a group of this module. Optional are names of groups, or a reason with its operations. Raise
    ValueError for a name that does not exist."""
    always, more = Permissions(), list[OptionalPermission]()
    for word in needs.split():
        group = _group(word)
        if isinstance(group, CommandPermissions):
            more += group.optional
        always |= _permissions(group)
    for item in optional:
        if isinstance(item, str):
            for word in item.split():
                named: Any = _group(word)
                more += (named,) if isinstance(named, OptionalPermission) else named
        else:
            reason, words = item
            more.append(OptionalPermission(declared(words).always, reason))
    return CommandPermissions(always, tuple(more))


Group = Permissions | OptionalPermission | CommandPermissions | Iterable[Need]


def _group(word: str) -> Group:
    name, dot, member = word.partition(".")
    kind = vars(kinds).get(name)
    try:
        if dot:
            return kind.calls(Verb(member)) if isinstance(kind, kinds.ResourceKind) else (operation(word),)
        group: Group = globals()[name]
    except (AttributeError, KeyError, ValueError) as error:
        message = f"needs: {word!r} is no operation, such as Eks.get_cluster or ROLE.create, and no group of {__name__}"
        raise ValueError(message) from error
    return group


def _permissions(group: Group) -> Permissions:
    match group:
        case Permissions():
            return group
        case OptionalPermission():
            return group.permissions
        case CommandPermissions():
            return group.always
    return permissions_of(group)


# --- groups -----------------------------------------------------------------------------------------------------------

# what podid status reads
CHECKING = permissions_of_checks(select())
CHECKING_AGENT = permissions_of_checks(AGENT_CHECKS)
AUDITING = permissions_of_checks(select(command="audit"))
OPTIONS_OF_DOCTOR = optional_permissions(select())
OPTIONS_OF_AUDIT = optional_permissions(select(command="audit"))
READING_UNUSED = permissions_of_checks((), unused.SECTIONS)
READING_GRAPH = permissions_of_checks((), (*graph.SECTIONS, *graph.OF_KUBERNETES))
_NAMES = (KubeReader.find_service_account, KubeReader.list_service_accounts)
_NAMING = "checking whether a name exists, and suggesting similar names"
NAMING = OptionalPermission.of(_NAMING, *_NAMES)
# for a command that takes a namespace
NAMING_NAMESPACES_TOO = OptionalPermission.of(_NAMING, *_NAMES, KubeReader.list_namespaces)
RUNNING_PODS = OptionalPermission.of(
    "reading the settings that the webhook injected into running pods", KubeReader.list_pods
)
OWNERS = OptionalPermission.of(
    "finding custom resources of ACK and Crossplane that own roles and associations", KubeReader.list_custom_owners
)
STACKS = OptionalPermission.of("finding the CloudFormation stack that owns a role", CloudFormation.find_owner_of_role)
DRY_RUNS = OptionalPermission.of(
    "dry-run pods, which show whether new pods get credentials; podid creates no pod, but the permission allows it",
    KubeWriter.dry_run_pod,
)
STATUS = OptionalPermission(permissions_of_checks(select()), "checking the result, as podid status does")
USERS = OptionalPermission(
    permissions_of_checks(select(), cost=Cost.AWS),
    "checking the effect on the service accounts that use the role in the cluster",
)
# what uses a role whose trust policy, permissions or boundary a change narrows
USERS_OF_ROLES = (Eks.list_clusters, Eks.list_associations)
USERS_BY_IRSA = (Iam.find_oidc_provider, KubeReader.list_service_accounts, KubeReader.list_pods)
TOKENS = OptionalPermission.of(
    "--wait verified: redeeming a pod's token; grant it per namespace",
    *(KubeWriter.request_token, EksAuth.assume_role_for_pod_identity, Sts.caller_of),
)
CREDENTIALS_OF_A_POD = OptionalPermission.of(
    "obtaining credentials of a pod; grant it per namespace", *kinds.COMMAND.calls(Verb.CREATE)
)
SESSIONS = OptionalPermission.of("--wait proven: the pods' sessions in CloudTrail", CloudTrail.iter_sessions)
MIGRATION_TRAIL = OptionalPermission.of(
    "--cloudtrail: the SDKs that use IRSA, and the sessions of pods",
    *(CloudTrail.iter_web_identities, CloudTrail.iter_sessions),
)
MANY_ROLES = OptionalPermission.of("many roles: reading them and their policies with few calls", Iam.list_principals)
READING_ADDONS = OptionalPermission.of("add-ons: the features of their versions", Eks.get_addon_configuration)
MIGRATING_ADDONS = OptionalPermission.of("add-ons that use IRSA", *kinds.ADDON_ASSOCIATIONS.calls(Verb.UPDATE))
# for the waits after a change of associations
REACHED = (STATUS, DRY_RUNS, TOKENS, SESSIONS)
# why the controller of a workload cannot create its pods
REFUSED_PODS = OptionalPermission.of("reading why pods cannot be created", KubeReader.list_warnings)
RESTARTING = OptionalPermission.of("--restart", *kinds.RESTART.calls(Verb.RESTART), KubeReader.list_warnings)
POLICY_CHECKS = OptionalPermission.of(
    "validating policies with IAM Access Analyzer before writing them", AccessAnalyzer.validate_policy
)
LONG_TRUST = OptionalPermission.of(
    "a trust policy of more than 2,048 characters: the quota of the account", Iam.get_account_summary
)
# for a migration: the data of the checks, and the annotations of kiam and kube2iam
_ANNOTATED = permissions_of((KubeReader.list_pod_templates, KubeReader.list_annotations))
MIGRATION = CommandPermissions(permissions_of_checks(select()) | _ANNOTATED, (LONG_TRUST,))
MIGRATION_BEGUN = CommandPermissions(
    permissions_of_checks((), (*FOUND_IN, *FOR_CHANGES, *OF_NODES)) | _ANNOTATED, (LONG_TRUST,)
)
CREATING_ROLE = (
    *kinds.ROLE.calls(Verb.CREATE),
    *kinds.ROLE_POLICY.calls(Verb.CREATE, Verb.UPDATE),
    *kinds.ROLE_ATTACHMENT.calls(Verb.CREATE),
    Iam.find_policy,
)
DELETING_ROLE = (
    *(*kinds.ROLE.calls(Verb.DELETE), *kinds.ROLE_POLICY.calls(Verb.DELETE), *kinds.ROLE_ATTACHMENT.calls(Verb.DELETE)),
    Iam.get_managed_documents,  # its target roles
)
_TAKING_BACK = "deleting a new role that could not be completed or associated, unless something uses it"
_UNUSED = (Iam.delete_role, Iam.get_policies, Iam.list_instance_profiles, Eks.list_clusters, Eks.list_associations)
TAKING_BACK = OptionalPermission.of(_TAKING_BACK, *_UNUSED, Iam.delete_inline_policy, Iam.detach_policy)
# the same for a role whose only policies are managed ones
TAKING_BACK_ATTACHED = OptionalPermission.of(_TAKING_BACK, *_UNUSED, Iam.detach_policy)
CLUSTER_TAGS = OptionalPermission.of("--cluster-tag: the tags of clusters", Eks.list_clusters, Eks.find_cluster_tags)
# for a command that reads several clusters
SEVERAL_CLUSTERS = (
    CLUSTER_TAGS,
    OptionalPermission.of("--all-clusters: listing the clusters", Eks.list_clusters),
    OptionalPermission.of("--all-regions: the enabled regions of the account", Ec2.list_regions),
    OptionalPermission.of("the enabled regions without ec2:DescribeRegions", AccountManagement.list_regions),
    OptionalPermission.of("--assume-role: the role in each account", Sts.assume_role),
    OptionalPermission.of("--organization: listing the accounts", Organizations.list_active_accounts),
)
TARGET_ROLE = (
    OptionalPermission.of(
        "--target-role --update-trust: the target role's trust policy, with credentials of its account",
        *kinds.TARGET_TRUST.calls(Verb.UPDATE),
    ),
    OptionalPermission.of("--target-role: checking whether an existing role can assume it", Iam.simulate),
)


AGENT_OUTLOOK = OptionalPermission(permissions_of_checks(select(CHECKS)), "checking the effect before the change")
INSTALLING_AGENT = (
    *kinds.ADDON.calls(Verb.CREATE),
    *(Eks.list_addon_versions, Eks.list_association_summaries, Eks.list_node_groups, Eks.list_access_entries),
    *(KubeReader.list_nodes, KubeReader.find_pod_security, KubeReader.list_agent_daemon_sets),
    *(KubeReader.list_agent_pods, KubeReader.list_node_classes, Iam.simulate, Iam.find_profile_role),
    *(Ec2.list_instances, Ec2.list_route_tables, Ec2.list_vpc_endpoints, Ec2.list_security_groups),
)
# creating an add-on with roles
CREATING_WITH_ROLES = (Eks.list_associations, Eks.list_addon_offers, Eks.create_addon_with_roles)
# of guided mode, besides the choices other than associations
ASKING = (Eks.list_clusters, Eks.list_association_summaries)
EDITING_TRUST = (*kinds.ROLE_TRUST.calls(Verb.UPDATE), Iam.get_role, Iam.list_role_names)
# creating associations from existing ones, and checking their effect
ASSOCIATING = CommandPermissions.of(
    *kinds.ASSOCIATION.calls(Verb.CREATE, Verb.UPDATE),
    *kinds.ROLE_TRUST.calls(Verb.UPDATE),
    optional=(
        *REACHED,
        LONG_TRUST,
        OptionalPermission.of(
            "--create-service-account", *kinds.SERVICE_ACCOUNT.calls(Verb.CREATE), KubeReader.list_namespaces
        ),
    ),
)
# the columns and filters of podid list
DETAILS_OF_LIST = (
    *(
        OptionalPermission(permissions_of_checks(checks_for((detail,)), sections_for((detail,))), reason)
        for detail, reason in DETAILS.items()
        if detail != "owners"
    ),
    OptionalPermission.of(DETAILS["owners"], KubeReader.list_custom_owners),
)
EMPTY_NAMESPACE = OptionalPermission.of("-n: whether an empty namespace exists", KubeReader.list_namespaces)
# the policies of a role, for their evaluation
READING_POLICIES = (*(Iam.find_roles, Iam.get_names_of_policies, Iam.get_inline_documents, Iam.get_managed_documents),)
READING_SESSION = (Eks.find_association, Eks.list_association_summaries, *READING_POLICIES)
RESOURCE_POLICIES = tuple(
    OptionalPermission.of(f"--resource with {kind}", call)
    for kind, call in (
        ("an S3 bucket", ResourcePolicies.find_bucket_policy),
        ("a KMS key", ResourcePolicies.find_key_policy),
        ("a role", ResourcePolicies.find_trust_policy),
        ("an SQS queue", ResourcePolicies.find_queue_policy),
        ("a secret", ResourcePolicies.find_secret_policy),
        ("an SNS topic", ResourcePolicies.find_topic_policy),
        ("a Lambda function", ResourcePolicies.find_function_policy),
        ("a DynamoDB table", ResourcePolicies.find_table_policy),
    )
)
NAMES_OF_SESSION = (
    OptionalPermission.of("pod/NS/NAME", KubeReader.list_pods),
    OptionalPermission.of("--role: suggesting similar names", Iam.list_role_names),
    NAMING,
)


def reading_files(*, roles: bool = True) -> CommandPermissions:
    """Return the permissions to compare files with clusters; without `roles`, files that declare no roles."""
    return CommandPermissions.of(
        Eks.get_cluster,
        Eks.list_associations,
        Iam.find_role,
        *((Iam.get_policies, Iam.find_policy) if roles else ()),
        optional=(
            OptionalPermission.of("naming roles that do not exist", Iam.list_role_names),
            OptionalPermission.of(
                "patterns, selectors, createServiceAccount and --from-annotations",
                KubeReader.list_service_accounts,
                KubeReader.find_service_account,
            ),
            OptionalPermission.of("clusters by tags", Eks.list_clusters, Eks.find_cluster_tags),
            OptionalPermission.of(
                "removing statements of others: the users of roles in other clusters", Eks.list_clusters
            ),
            OptionalPermission.of(
                "agent: reading the add-on, its versions and the nodes",
                *(Eks.find_addon, Eks.list_addon_versions, Eks.get_addon_configuration, Eks.list_node_groups),
                *(KubeReader.list_nodes, KubeReader.list_agent_daemon_sets, KubeReader.list_agent_pods),
                KubeReader.list_written,
            ),
            OptionalPermission.of(
                "--prune: reading the roles of the files, their users and the pods",
                *(Iam.list_roles, Iam.list_instance_profiles, Eks.list_clusters, KubeReader.list_pods),
            ),
            POLICY_CHECKS,
            LONG_TRUST,
        ),
    )


def changing_files(*, roles: bool = True, trust: bool = True) -> Permissions:
    """Return the permissions to change associations, and with `roles` the roles of files; with `trust` trust policies
    too."""
    of_roles: tuple[Need, ...] = (
        *CREATING_ROLE,
        *kinds.ROLE_SETTINGS.calls(Verb.UPDATE),
        *(Iam.untag_role, Iam.delete_boundary, Iam.delete_inline_policy, Iam.detach_policy),
    )
    return permissions_of(
        (
            *(*kinds.ASSOCIATION.calls(Verb.CREATE, Verb.UPDATE), Eks.untag_association),
            *(of_roles if roles else ()),
            *(kinds.ROLE_TRUST.calls(Verb.UPDATE) if roles or trust else ()),
        )
    )


# of an undo and of a saved plan
HELD_POLICIES = OptionalPermission.of(
    "checking whether a role may become administrator: its managed policies", Iam.get_managed_documents
)
_CHANGES_OF_FILES = (
    OptionalPermission.of("--prune: deleting", *DELETING_ROLE, *kinds.ASSOCIATION.calls(Verb.DELETE)),
    OptionalPermission.of("createServiceAccount", *kinds.SERVICE_ACCOUNT.calls(Verb.CREATE)),
    OptionalPermission.of("agent: changing the add-on", *kinds.ADDON.calls(Verb.CREATE, Verb.UPDATE)),
)
_LEASE = OptionalPermission.of("--lease, and in a pod: the Lease", KubeReader.find_lease, KubeWriter.hold_lease)
READING_FILES = reading_files()
APPLYING_FILES = CommandPermissions(
    READING_FILES.always | changing_files(),
    (*READING_FILES.optional, *_CHANGES_OF_FILES, HELD_POLICIES, *REACHED, TARGET_ROLE[0], RESTARTING),
)
_APPLYING = OptionalPermission(APPLYING_FILES.always, "--apply: creating and changing the resources of the files")
# without those of podid apply with which a user can get every identity: to create pods, and to restart workloads
RECONCILING = CommandPermissions(
    READING_FILES.always, (*READING_FILES.optional, _LEASE, _APPLYING, *_CHANGES_OF_FILES, TARGET_ROLE[0])
)


def granted(options: ReconcileOptions, declarations: Sequence[Declaration]) -> tuple[Permissions, Permissions]:
    """Return the permissions of podid reconcile for these options and files, without and with the namespace of the
    Lease."""
    roles = any(item.roles for item in declarations)
    always = reading_files(roles=roles).always
    if options.applies:
        always |= changing_files(roles=roles, trust=options.ownership.update_trust) | OWNERS.permissions
    for item in RECONCILING.optional:
        usable = options.applies or item in READING_FILES.optional
        if item not in (_LEASE, _APPLYING) and usable and requires(declarations, options.ownership, item.reason):
            always |= item.permissions
    return always, _LEASE.permissions


_AGENT_WAIT = OptionalPermission.of(
    "waiting for an add-on, and the causes if the agent does not start",
    *(Eks.get_update, KubeReader.list_agent_daemon_sets, KubeReader.list_agent_pods),
    *(KubeReader.read_log, KubeReader.list_warnings, KubeReader.list_pods),
)


def undoing(changes: Iterable[tuple[kinds.ResourceKind, Verb]]) -> CommandPermissions:
    """Return the permissions to undo; `changes` are the reversed ones."""
    # permissions in addition to those of the reversed change
    beside: dict[tuple[kinds.ResourceKind, Verb], tuple[Need, ...]] = {
        (kinds.ASSOCIATION, Verb.UPDATE): (Eks.untag_association,),
        (kinds.ROLE_SETTINGS, Verb.UPDATE): (Iam.untag_role, Iam.delete_boundary),
        (kinds.ROLE_ATTACHMENT, Verb.CREATE): (Iam.get_managed_document,),
    }
    always: list[Need] = []
    optional: list[OptionalPermission] = []
    for kind, verb in dict.fromkeys(changes):
        if kind is kinds.SERVICE_ACCOUNT:
            account = kinds.SERVICE_ACCOUNT.calls(Verb.CREATE, Verb.DELETE)
            optional.append(OptionalPermission.of("undoing --create-service-account", *account))
        elif kind is kinds.TARGET_TRUST or kind.passing:
            continue  # not undone: it needs permissions in another account
        else:
            always += (*kind.calls(verb), *beside.get((kind, verb), ()))
            always += () if kind.account_wide else (Eks.get_cluster,)
            always += (Iam.find_role,) if "roleName" in kind.keys else ()
        if kind is kinds.ROLE and verb is Verb.DELETE:
            optional.append(
                OptionalPermission.of("checking whether EC2 instances use the role", Iam.list_instance_profiles)
            )
        if kind in (kinds.ROLE_POLICY, kinds.ROLE_ATTACHMENT):
            optional.append(HELD_POLICIES)
        if kind in (kinds.ROLE_TRUST, kinds.ROLE_SETTINGS, kinds.ROLE_POLICY) and verb is Verb.UPDATE:
            optional.append(OptionalPermission.of("reading the users of a role that the undo narrows", *USERS_OF_ROLES))
        if kind is kinds.ASSOCIATION and verb is Verb.DELETE:
            annotated = (KubeReader.list_pod_templates, KubeReader.list_annotations)
            optional.append(OptionalPermission.of("undoing podid migrate apply with kiam or kube2iam", *annotated))
        if kind is kinds.ADDON:
            optional += (AGENT_OUTLOOK, _AGENT_WAIT)
        if kind.takes_effect:
            optional += (RUNNING_PODS, *REACHED, RESTARTING)
    return CommandPermissions.of(*always, optional=tuple(dict.fromkeys(optional)))


# an undo deletes only resources of kinds that podid can create
UNDOING = undoing(
    (kind, verb)
    for kind in kinds.KINDS
    for verb in kind.operations
    if verb is not Verb.NONE and (verb is not Verb.DELETE or Verb.CREATE in kind.operations)
)
