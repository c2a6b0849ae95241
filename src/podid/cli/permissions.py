"""Optional permissions of several commands, each with its reason.

Only a command's `permissions()` imports this module: it loads the gateways, which only --show-permissions needs.
"""

from collections.abc import Iterable, Sequence

from podid.aws.account import AccountManagement
from podid.aws.cloudformation import CloudFormation
from podid.aws.cloudtrail import CloudTrail
from podid.aws.ec2 import Ec2
from podid.aws.eks import Eks
from podid.aws.iam import AccessAnalyzer, Iam
from podid.aws.organizations import Organizations
from podid.aws.sts import EksAuth, Sts
from podid.domain.permissions import CommandPermissions, Need, OptionalPermission, permissions_of
from podid.domain.plan import Verb
from podid.domain.section import Cost
from podid.kube.reader import KubeReader
from podid.kube.writer import KubeWriter
from podid.ops.change.kinds import (
    ADDON_ASSOCIATIONS,
    ASSOCIATION,
    COMMAND,
    RESTART,
    ROLE,
    ROLE_ATTACHMENT,
    ROLE_POLICY,
    ROLE_SETTINGS,
    ROLE_TRUST,
    SERVICE_ACCOUNT,
    TARGET_TRUST,
    ResourceKind,
)
from podid.ops.reading.sections import permissions as permissions_of_checks
from podid.ops.status.diagnose import select

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
TOKENS = OptionalPermission.of(
    "--wait verified: redeeming a pod's token; grant it per namespace",
    *(KubeWriter.request_token, EksAuth.assume_role_for_pod_identity, Sts.caller_of),
)
MINTING = OptionalPermission.of("obtaining credentials of a pod; grant it per namespace", *COMMAND.calls(Verb.CREATE))
SESSIONS = OptionalPermission.of("--wait proven: the pods' sessions in CloudTrail", CloudTrail.iter_sessions)
# for a migration: the data of the checks, and the annotations of kiam and kube2iam
MIGRATION = permissions_of_checks(select()) | permissions_of(
    (KubeReader.list_pod_templates, KubeReader.list_annotations)
)
MIGRATION_TRAIL = OptionalPermission.of(
    "--cloudtrail: the SDKs that use IRSA, and the sessions of pods",
    *(CloudTrail.iter_web_identities, CloudTrail.iter_sessions),
)
MANY_ROLES = OptionalPermission.of("many roles: reading them and their policies with few calls", Iam.list_principals)
READING_ADDONS = OptionalPermission.of("add-ons: the features of their versions", Eks.get_addon_configuration)
MIGRATING_ADDONS = OptionalPermission.of("add-ons that use IRSA", *ADDON_ASSOCIATIONS.calls(Verb.UPDATE))
# for the waits after a change of associations
REACHED = (STATUS, DRY_RUNS, TOKENS, SESSIONS)
RESTARTING = OptionalPermission.of("--restart", *RESTART.calls(Verb.RESTART))
POLICY_CHECKS = OptionalPermission.of(
    "validating policies with IAM Access Analyzer before writing them", AccessAnalyzer.validate_policy
)
CREATING_ROLE = (
    *ROLE.calls(Verb.CREATE),
    *ROLE_POLICY.calls(Verb.CREATE, Verb.UPDATE),
    *ROLE_ATTACHMENT.calls(Verb.CREATE),
    Iam.find_policy,
)
DELETING_ROLE = (*ROLE.calls(Verb.DELETE), *ROLE_POLICY.calls(Verb.DELETE), *ROLE_ATTACHMENT.calls(Verb.DELETE))
TAKING_BACK = OptionalPermission.of(
    "deleting a new role that could not be completed or associated",
    Iam.delete_role,
    Iam.delete_inline_policy,
    Iam.detach_policy,
)
# the same for a role whose only policies are managed ones
TAKING_BACK_ATTACHED = OptionalPermission.of(TAKING_BACK.reason, Iam.delete_role, Iam.detach_policy)
CLUSTER_TAGS = OptionalPermission.of("--cluster-tag: the tags of clusters", Eks.list_clusters, Eks.get_cluster_tags)
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
        *TARGET_TRUST.calls(Verb.UPDATE),
    ),
    OptionalPermission.of("--target-role: checking whether an existing role can assume it", Iam.simulate),
)


def outlook(checks: Sequence[str]) -> OptionalPermission:
    """Return the permission of a command that checks the effect of a change with some `checks`."""
    return OptionalPermission(permissions_of_checks(select(checks)), "checking the effect before the change")


def editing_trust(*operations: Need) -> CommandPermissions:
    """Return the permissions of a command that edits trust policies: none for files; for roles read, write and
    `operations`."""
    of_role = OptionalPermission.of(
        "--role", *ROLE_TRUST.calls(Verb.UPDATE), Iam.get_role, Iam.list_role_names, *operations
    )
    return CommandPermissions.of(optional=(of_role, USERS))


def asking(*operations: Need) -> OptionalPermission:
    """Return the permission of guided mode; `operations` read choices other than associations."""
    reason = "guided mode: listing the choices"
    return OptionalPermission.of(reason, Eks.list_clusters, Eks.list_association_summaries, *operations)


def making(*always: Need, optional: tuple[OptionalPermission, ...] = ()) -> CommandPermissions:
    """Return the permissions to create associations from existing ones and to check their effect."""
    return CommandPermissions.of(
        *ASSOCIATION.calls(Verb.CREATE, Verb.UPDATE),
        *ROLE_TRUST.calls(Verb.UPDATE),
        *always,
        optional=(
            *REACHED,
            OptionalPermission.of(
                "--create-service-account", *SERVICE_ACCOUNT.calls(Verb.CREATE), KubeReader.list_namespaces
            ),
            *optional,
        ),
    )


def undoing(changes: Iterable[tuple[ResourceKind, Verb]]) -> CommandPermissions:
    """Return the permissions to undo; `changes` are the reversed ones."""
    # permissions in addition to those of the reversed change
    beside: dict[tuple[ResourceKind, Verb], tuple[Need, ...]] = {
        (ASSOCIATION, Verb.UPDATE): (Eks.untag_association,),
        (ROLE, Verb.DELETE): (Eks.list_clusters, Eks.list_associations),
        (ROLE_SETTINGS, Verb.UPDATE): (Iam.untag_role, Iam.delete_boundary),
        (ROLE_ATTACHMENT, Verb.CREATE): (Iam.get_managed_document,),
    }
    always: list[Need] = []
    optional: list[OptionalPermission] = []
    for kind, verb in dict.fromkeys(changes):
        if kind is SERVICE_ACCOUNT:
            account = SERVICE_ACCOUNT.calls(Verb.CREATE, Verb.DELETE)
            optional.append(OptionalPermission.of("undoing --create-service-account", *account))
        elif kind is TARGET_TRUST or kind.passing:
            continue  # not undone: it needs permissions in another account
        else:
            always += (*kind.calls(verb), *beside.get((kind, verb), ()))
            always += () if kind.account_wide else (Eks.get_cluster,)
            always += (Iam.find_role,) if "roleName" in kind.keys else ()
        if kind.takes_effect:
            optional += (RUNNING_PODS, *REACHED, RESTARTING)
    return CommandPermissions.of(*always, optional=tuple(dict.fromkeys(optional)))
