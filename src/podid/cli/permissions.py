"""Rights that several commands need on top, each with the one reason that all of them print for it.

A command's `permissions()` imports this: only --show-permissions needs the gateways for it.
"""

from collections.abc import Iterable, Sequence

from podid.aws.cloudtrail import CloudTrail
from podid.aws.eks import Eks
from podid.aws.iam import AccessAnalyzer, Iam
from podid.aws.sts import EksAuth, Sts
from podid.domain.permissions import CommandPermissions, Need, OptionalPermission
from podid.domain.plan import Verb
from podid.domain.section import Cost
from podid.kube.reader import KubeReader
from podid.kube.writer import KubeWriter
from podid.ops.change.kinds import (
    ASSOCIATION,
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
_NAMING = "saying of a name that leads nowhere whether it exists, and what may have been meant"
NAMING = OptionalPermission.of(_NAMING, *_NAMES)
# for a command that takes a namespace
NAMING_NAMESPACES_TOO = OptionalPermission.of(_NAMING, *_NAMES, KubeReader.list_namespaces)
RUNNING_PODS = OptionalPermission.of("seeing what running pods carry", KubeReader.list_pods)
DRY_RUNS = OptionalPermission.of(
    "dry-run pods, which show whether new pods get credentials; nothing is created, but the right could",
    KubeWriter.dry_run_pod,
)
STATUS = OptionalPermission(permissions_of_checks(select()), "checking whether it works, as podid status does")
USERS = OptionalPermission(
    permissions_of_checks(select(), cost=Cost.AWS),
    "saying what comes of it for who uses the role in the cluster at hand",
)
TOKENS = OptionalPermission.of(
    "--wait verified: a pod's token, redeemed; grant it per namespace",
    *(KubeWriter.request_token, EksAuth.assume_role_for_pod_identity, Sts.caller_of),
)
SESSIONS = OptionalPermission.of("--wait proven: the pods' sessions in CloudTrail", CloudTrail.iter_sessions)
# what a change of associations waits for
REACHED = (STATUS, DRY_RUNS, TOKENS, SESSIONS)
RESTARTING = OptionalPermission.of("--restart", *RESTART.calls(Verb.RESTART))
POLICY_CHECKS = OptionalPermission.of(
    "having AWS check policies before they are written", AccessAnalyzer.validate_policy
)
CREATING_ROLE = (
    *ROLE.calls(Verb.CREATE),
    *ROLE_POLICY.calls(Verb.CREATE, Verb.UPDATE),
    *ROLE_ATTACHMENT.calls(Verb.CREATE),
    Iam.find_policy,
)
DELETING_ROLE = (*ROLE.calls(Verb.DELETE), *ROLE_POLICY.calls(Verb.DELETE), *ROLE_ATTACHMENT.calls(Verb.DELETE))
TAKING_BACK = OptionalPermission.of(
    "taking back a role that could not be finished", Iam.delete_role, Iam.delete_inline_policy, Iam.detach_policy
)
CLUSTER_TAGS = OptionalPermission.of("--cluster-tag: the tags of clusters", Eks.list_clusters, Eks.get_cluster_tags)
TARGET_ROLE = (
    OptionalPermission.of(
        "--target-role --update-trust: its trust policy, with the credentials of its account",
        *TARGET_TRUST.calls(Verb.UPDATE),
    ),
    OptionalPermission.of("--target-role: seeing what keeps a role that is there from it", Iam.simulate),
)


def outlook(checks: Sequence[str]) -> OptionalPermission:
    """For a command that says before a change what comes of it, as far as some `checks` tell."""
    return OptionalPermission(permissions_of_checks(select(checks)), "saying before the change what comes of it")


def editing_trust(*operations: Need) -> CommandPermissions:
    """For a command that edits trust policies: files take none, a role what reads and writes it, and `operations`."""
    of_role = OptionalPermission.of(
        "--role", *ROLE_TRUST.calls(Verb.UPDATE), Iam.get_role, Iam.list_role_names, *operations
    )
    return CommandPermissions.of(optional=(of_role, USERS))


def asking(*operations: Need) -> OptionalPermission:
    """For a command that asks questions when it is typed alone; `operations` read what there is beside associations."""
    reason = "asking, where nothing is named: what there is to choose from"
    return OptionalPermission.of(reason, Eks.list_clusters, Eks.list_association_summaries, *operations)


def making(*always: Need, optional: tuple[OptionalPermission, ...] = ()) -> CommandPermissions:
    """What it takes to make associations that are like others, and to check what comes of them."""
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
    """What it takes to take back changes of which these are the reverse."""
    # what undoing takes beside what the change itself takes
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
            continue  # the one with rights in another account, the others are not undone
        else:
            always += (*kind.calls(verb), *beside.get((kind, verb), ()))
            always += () if kind.account_wide else (Eks.get_cluster,)
            always += (Iam.find_role,) if "roleName" in kind.keys else ()
        if kind.takes_effect:
            optional += (RUNNING_PODS, *REACHED, RESTARTING)
    return CommandPermissions.of(*always, optional=tuple(dict.fromkeys(optional)))
