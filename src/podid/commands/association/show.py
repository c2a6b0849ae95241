"""podid show."""

from podid.cli.arguments import CloudTrailToo, OneServiceAccount
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.cloudtrail import CloudTrail
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.kube.reader import KubeReader

    return CommandRights.of(
        Eks.find_association,
        Eks.list_association_summaries,
        Iam.find_role,
        Iam.simulate,
        Iam.list_attached_policies,
        Iam.list_inline_policies,
        Iam.get_managed_document,
        optional=(
            OptionalRight.of(
                "the service account, its workloads, and what its pods use",
                KubeReader.find_service_account,
                KubeReader.list_pods,
                KubeReader.list_owners,
                KubeReader.find_config_map_keys,
            ),
            OptionalRight.of("--cloudtrail", CloudTrail.iter_sessions),
            rights.NAMING,
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES), rights=rights)
def show(access: Access, terminal: Terminal, target: OneServiceAccount, cloudtrail: CloudTrailToo = False) -> None:
    """Show everything about one service account.

    Its association, whether the role's trust policy admits its pods, what the role may do, the way to a target role,
    and its workloads with the credentials that an SDK in each pod really takes: access keys, IRSA, Pod Identity or the
    node's role. What cannot be read is unknown.

    With --cloudtrail also when a pod last got the role, as far back as 90 days; calls show there some minutes late.

    Example: podid show shop/orders
    """
    from podid.domain.names import ServiceAccountRef
    from podid.ops.association.identity import read_identity
    from podid.render.identity import identity_view

    ref = ServiceAccountRef.parse(target)
    place, now = access.place(), access.runtime.now()
    with terminal.working(f"reading what there is about {ref}"):
        found = read_identity(access.clients, place, ref, now, cloudtrail=cloudtrail)
    terminal.emit(identity_view(found, now))
