"""podid verify."""

from typing import Annotated

import typer

from podid.cli.arguments import AnyServiceAccounts
from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.eks_auth import EksAuth
    from podid.aws.iam import Iam
    from podid.aws.sts import Sts
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter

    return CommandRights.of(
        Eks.find_association,
        Eks.list_association_summaries,
        Iam.find_role,
        Iam.simulate,
        KubeReader.list_pods,
        KubeReader.list_nodes,
        KubeReader.list_agent_daemon_sets,
        KubeReader.list_agent_pods,
        Sts.caller_of,
        optional=(
            OptionalRight.of(
                "redeeming the token; on a node the node role has it", EksAuth.assume_role_for_pod_identity
            ),
            OptionalRight.of("asking for a pod's token; grant it per namespace", KubeWriter.request_token),
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, "yes", "timeout", "journal_dir"), rights=rights)
def verify(
    access: Access,
    terminal: Terminal,
    options: Shared,
    targets: AnyServiceAccounts = None,
    all_pods: Annotated[
        bool,
        typer.Option("--all-pods", help="Redeem a token for every live pod, not for one of each workload a node."),
    ] = False,
) -> None:
    """Prove that pods get the role's credentials.

    Looks at the injected fields of every pod and at the agent on its node, redeems a token bound to the pod as that
    agent would, and asks AWS who that is. The credentials stay in memory and are dropped. Asks first, or needs --yes.
    A failure seconds after a change may be its settling: that is waited for, at most a minute, and is unknown until
    then; with --timeout podid looks again until it is proven or the time is over.
    Exit 0 proven (or in effect, where only some pods' tokens were redeemed), 3 failed, 9 could not be told; of several
    service accounts, 3 before 9.

    Example: podid verify shop/orders --yes
    """
    from podid.cli import typed
    from podid.domain.exit_codes import combine
    from podid.ops.association.proving import SETTLE_SECONDS, prove, settles, unproven
    from podid.ops.association.read import list_refs, read_association
    from podid.ops.association.settling import LateChanges
    from podid.ops.association.verify import MOST_PODS
    from podid.render.verify import verify_view

    refs = typed.whose_pods(targets, options, access.sources)
    single = len(refs) == 1
    place = access.place()
    refs = refs or list_refs(access.aws.eks, place, namespace=options.namespace)
    readings = [read_association(access.clients, place, ref) for ref in refs]
    access.kube.needed()
    roles = dict.fromkeys(item.association.target_role_arn or item.association.role_arn for item in readings)
    terminal.consent(
        f"Mint short-lived credentials of {', '.join(roles)} to look at them?", needed_for="Minting credentials"
    )
    changes = LateChanges.read(access.journal, place.account, access.runtime.now())
    with terminal.working("verifying"):
        reports = prove(
            access.clients,
            place,
            readings,
            access.patience(SETTLE_SECONDS),
            changes,
            again=unproven if options.timeout is not None else settles,
            most=None if all_pods else MOST_PODS,
        )
    terminal.emit(verify_view(reports, single=single))
    terminal.leave(combine({report.exit_code for report in reports}))
