"""Rights that several commands need on top, each with the one reason that all of them print for it.

A command's `rights()` imports this: only --show-permissions needs the gateways for it.
"""

from collections.abc import Sequence

from podid.aws.cloudtrail import CloudTrail
from podid.aws.eks import Eks
from podid.aws.iam import AccessAnalyzer, Iam
from podid.aws.sts import EksAuth, Sts
from podid.domain.plan import Verb
from podid.domain.rights import CommandRights, Need, OptionalRight
from podid.domain.section import Cost
from podid.kube.reader import KubeReader
from podid.kube.writer import KubeWriter
from podid.ops.change.kinds import ASSOCIATION, RESTART, ROLE_TRUST, SERVICE_ACCOUNT, TARGET_TRUST
from podid.ops.reading.sections import rights as rights_of_checks
from podid.ops.status.diagnose import select
from podid.ops.status.look import rights as rights_of_status

_NAMES = (KubeReader.find_service_account, KubeReader.list_service_accounts)
_NAMING = "saying of a name that leads nowhere whether it exists, and what may have been meant"
NAMING = OptionalRight.of(_NAMING, *_NAMES)
# for a command that takes a namespace
NAMING_NAMESPACES_TOO = OptionalRight.of(_NAMING, *_NAMES, KubeReader.list_namespaces)
RUNNING_PODS = OptionalRight.of("seeing what running pods carry", KubeReader.list_pods)
DRY_RUNS = OptionalRight.of(
    "dry-run pods, which show whether new pods get credentials; nothing is created, but the right could",
    KubeWriter.dry_run_pod,
)
STATUS = OptionalRight(rights_of_status(), "checking whether it works, as podid status does")
USERS = OptionalRight(
    rights_of_checks(select(), cost=Cost.AWS),
    "saying what comes of it for who uses the role in the cluster at hand",
)
TOKENS = OptionalRight.of(
    "--wait verified: a pod's token, redeemed; grant it per namespace",
    *(KubeWriter.request_token, EksAuth.assume_role_for_pod_identity, Sts.caller_of),
)
SESSIONS = OptionalRight.of("--wait proven: the pods' sessions in CloudTrail", CloudTrail.iter_sessions)
# what a change of associations waits for
REACHED = (STATUS, DRY_RUNS, TOKENS, SESSIONS)
RESTARTING = OptionalRight.of("--restart", *RESTART.calls(Verb.RESTART))
POLICY_CHECKS = OptionalRight.of("having AWS check policies before they are written", AccessAnalyzer.validate_policy)
TAKING_BACK = OptionalRight.of(
    "taking back a role that could not be finished", Iam.delete_role, Iam.delete_inline_policy, Iam.detach_policy
)
CLUSTER_TAGS = OptionalRight.of("--cluster-tag: the tags of clusters", Eks.list_clusters, Eks.get_cluster_tags)
TARGET_ROLE = (
    OptionalRight.of(
        "--target-role --update-trust: its trust policy, with the credentials of its account",
        *TARGET_TRUST.calls(Verb.UPDATE),
    ),
    OptionalRight.of("--target-role: seeing what keeps a role that is there from it", Iam.simulate),
)


def outlook(checks: Sequence[str]) -> OptionalRight:
    """For a command that says before a change what comes of it, as far as some `checks` tell."""
    return OptionalRight(rights_of_checks(select(checks)), "saying before the change what comes of it")


def asking(*operations: Need) -> OptionalRight:
    """For a command that asks questions when it is typed alone; `operations` read what there is beside associations."""
    reason = "asking, where nothing is named: what there is to choose from"
    return OptionalRight.of(reason, Eks.list_clusters, Eks.list_association_summaries, *operations)


def making(*always: Need, optional: tuple[OptionalRight, ...] = ()) -> CommandRights:
    """What it takes to make associations that are like others, and to check what comes of them."""
    return CommandRights.of(
        *ASSOCIATION.calls(Verb.CREATE, Verb.UPDATE),
        *ROLE_TRUST.calls(Verb.UPDATE),
        *always,
        optional=(
            *REACHED,
            OptionalRight.of(
                "--create-service-account", *SERVICE_ACCOUNT.calls(Verb.CREATE), KubeReader.list_namespaces
            ),
            *optional,
        ),
    )
