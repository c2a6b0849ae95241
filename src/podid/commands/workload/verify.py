"""podid verify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from podid.cli.arguments import AnyServiceAccounts
from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.errors import Again, Other, UsageError
from podid.domain.rights import CommandRights, OptionalRight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podid.domain.names import ServiceAccountRef
    from podid.domain.place import Place
    from podid.ops.reading.probes import Probe


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.eks_auth import EksAuth
    from podid.aws.iam import Iam
    from podid.aws.sts import Sts
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter
    from podid.ops.change.kinds import PROBE

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
            rights.NAMING_NAMESPACES_TOO,
            OptionalRight.of("--probe: a Job of podid's own; grant it per namespace", *PROBE.calls(Verb.CREATE)),
            OptionalRight.of(
                "--can: what the role's policies name at all, where the simulation depends on the call",
                *(Iam.get_policies, Iam.get_managed_document),
            ),
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, "yes", "journal_dir"), rights=rights)
def verify(
    access: Access,
    terminal: Terminal,
    options: Shared,
    targets: AnyServiceAccounts = None,
    all_pods: Annotated[
        bool, typer.Option("--all-pods", help="Redeem a token for every live pod, not for one of each workload a node.")
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Also run a pod of podid's own on each node, which asks the agent itself.")
    ] = False,
    probe_node: Annotated[
        list[str] | None,
        typer.Option("--probe-node", metavar="NODE", help="Run it on this node; repeatable. Means --probe."),
    ] = None,
    probe_image: Annotated[
        str | None,
        typer.Option(
            "--probe-image",
            metavar="IMAGE",
            help="Its image, with the AWS CLI 2.15 or newer. [default: AWS's, from ECR Public]",
        ),
    ] = None,
    can: Annotated[
        list[str] | None,
        typer.Option("--can", metavar="ACTION", help="Also whether pods may do this (s3:GetObject); repeatable."),
    ] = None,
    resource: Annotated[
        list[str] | None, typer.Option("--resource", metavar="ARN", help="On this resource; repeatable. [default: *]")
    ] = None,
) -> None:
    """Prove whose credentials pods get.

    Looks at the injected fields of every pod and at the agent on its node, redeems a token bound to the pod as that
    agent would, and asks AWS who that is: a pod is proven when all of it was seen. The credentials stay in memory and
    are dropped. Asks first, or needs --yes. What was not looked at is said.
    With --probe a Job runs one pod of podid's own as the service account on each node that its pods run on, at most
    ten, which asks AWS who it is by way of the agent; it is deleted at once, and the run is in podid history.
    With --can IAM's policy simulator says whether the role may do it, its boundary and the session policy included.
    A failure seconds after a change may be its settling: that is waited for, at most a minute, and is unknown until
    then; with --timeout podid looks again until it is proven or the time is over.
    Exit 0 proven (or in effect, where only some pods' tokens were redeemed), 3 failed, 9 not known; of several
    service accounts, 3 before 9.

    Example: podid verify shop/orders --yes
    """
    from podid.cli import typed
    from podid.cli.changing import probing
    from podid.domain.exit_codes import combine
    from podid.ops.association.allowed import Asked, simulate_all, with_allowed
    from podid.ops.association.probing import run_probes, with_probes
    from podid.ops.association.proving import SETTLE_SECONDS, prove, settles, unproven
    from podid.ops.association.read import list_refs, read_associations
    from podid.ops.association.verify import MOST_PODS
    from podid.ops.reading.changes import recent_changes
    from podid.render.verify import verify_view

    nodes = tuple(dict.fromkeys(probe_node or ()))
    probe = probe or bool(nodes)
    if probe_image is not None and not probe:
        raise UsageError("--probe-image belongs to --probe", hint=Again(add=("--probe",)))
    if resource and not can:
        raise UsageError("--resource belongs to --can", hint=Other(("verify", "--help")))
    wanted = Asked.parse(can or (), resource or ())
    refs = typed.whose_pods(targets, options, access.sources)
    single = len(refs) == 1
    place = access.place(for_change=probe)
    refs = refs or list_refs(access.clients, place, namespace=options.namespace)
    readings = read_associations(access.clients, place, refs)
    access.kube.needed()
    roles = dict.fromkeys(item.association.pods_role_arn for item in readings)
    question, needed_for = f"Mint short-lived credentials of {', '.join(roles)} to look at them?", "Minting credentials"
    planned: tuple[Probe, ...] = ()
    if probe:
        planned = _planned(access, terminal, place, refs, nodes, probe_image)
        question = f"Mint short-lived credentials of {', '.join(roles)}, and run {len(planned)} pods of podid's own?"
        needed_for = "Minting credentials and running podid's own pods"
    terminal.consent(question, needed_for=needed_for)
    changes = recent_changes(access.journal, place.the_cluster, access.runtime.now())
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
        if planned:
            answers = run_probes(access.clients, place, readings, planned, probing(access), changes)
            reports = tuple(with_probes(report, answers[report.ref]) for report in reports)
        if can:
            found = simulate_all(access.aws.iam, place.the_cluster, [item.association for item in readings], wanted)
            reports = tuple(map(with_allowed, reports, found))
    terminal.emit(verify_view(reports, single=single))
    terminal.leave(combine({report.exit_code for report in reports}))


def _planned(
    access: Access,
    terminal: Terminal,
    place: Place,
    refs: Sequence[ServiceAccountRef],
    nodes: Sequence[str],
    image: str | None,
) -> tuple[Probe, ...]:
    """The probes, after they were shown as a plan."""
    from podid.cli.changing import announce, settle_interrupted
    from podid.ops.association.probing import plan_probes
    from podid.ops.reading.probes import PROBE_IMAGE, check_nodes, probe_plan

    settle_interrupted(access, terminal, place)
    reader = access.kube.reader
    check_nodes(reader, nodes)
    planned = plan_probes(reader, refs, nodes=nodes, image=image or PROBE_IMAGE)
    announce(terminal, probe_plan(place, planned))
    return planned
