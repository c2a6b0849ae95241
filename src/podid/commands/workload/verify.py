"""podid verify."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli.arguments import SERVICE_ACCOUNTS
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.errors import Again, Other, UsageError
from podid.domain.option import option, several, switch
from podid.domain.rights import CommandRights, OptionalRight

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from podid.domain.names import ServiceAccountRef
    from podid.domain.place import Place
    from podid.domain.snapshot import Snapshot
    from podid.domain.status import IdentityStatus
    from podid.ops.reading.probes import Probe, Probing
    from podid.ops.status.look import Diagnosis


def rights() -> CommandRights:
    from podid.aws.iam import Iam
    from podid.checks.all import ALL
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import PROBE
    from podid.ops.reading.sections import rights as rights_of_checks

    return CommandRights(
        rights_of_checks(ALL),
        (
            OptionalRight(rights.TOKENS.rights, "redeeming pods' tokens; grant it per namespace"),
            OptionalRight.of("--probe: a Job of podid's own; grant it per namespace", *PROBE.calls(Verb.CREATE)),
            OptionalRight(rights.SESSIONS.rights, "--cloudtrail"),
            OptionalRight.of("--can: IAM's policy simulator", Iam.simulate),
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
    targets: tuple[str, ...] = SERVICE_ACCOUNTS,
    require: str = option("STATE", "ready, verified or proven: what each must reach.", default="verified"),
    allow_unknown: bool = switch("Exit 0, not 9, if something could not be checked."),
    all_pods: bool = switch("Redeem a token of every pod, not of one for each workload and template."),
    cloudtrail: bool = switch("Find the pods' own sessions in CloudTrail, which records them some minutes late."),
    probe: bool = switch("Also run a pod of podid's own on each node, which asks the agent itself."),
    probe_node: tuple[str, ...] = several("NODE", "Run it on this node; repeatable. Means --probe."),
    probe_image: str | None = option(
        "IMAGE", "Its image, with the AWS CLI 2.15 or newer. [default: AWS's, from ECR Public]"
    ),
    can: tuple[str, ...] = several("ACTION", "Also check whether pods may do this, such as s3:GetObject; repeatable."),
    resource: tuple[str, ...] = several("ARN", "On this resource; repeatable. [default: *]"),
) -> None:
    """Verify which role pods get.

    Makes the checks of podid status, redeems a token of a pod of each workload at EKS Auth, and asks AWS whose
    credentials came back. podid keeps the credentials in memory and drops them. Asks first, or needs --yes.
    An identity is verified if all checks pass and EKS Auth issued its role. A redeemed token does not show that a pod
    asked for it. --cloudtrail finds the sessions of the pods themselves; such a pod is proven.
    --probe runs a pod of podid's own on each node, at most ten, which asks the agent. podid deletes it at once and
    records the run in podid history. --can asks IAM's policy simulator what the role may do.
    Waits for a recent change to take effect, at most a minute or --timeout.
    Exit 0 if all reach the required state, 3 if one is broken or stale, 9 otherwise.

    Example: podid verify shop/orders --yes
    """
    from dataclasses import replace

    from podid.cli import typed
    from podid.cli.changing import probing
    from podid.cli.judging import check_associated, judge
    from podid.domain.cost import FREE, LOOK, Cost
    from podid.domain.exit_codes import ExitCode, combine
    from podid.domain.status import IdentityState, exit_code
    from podid.domain.words import short_list
    from podid.ops.association.allowed import Asked, allowed_code, simulate_all
    from podid.ops.association.read import list_refs
    from podid.ops.reading.probes import PROBE_IMAGE, undecided
    from podid.ops.status.look import wanted_for
    from podid.ops.status.wait import SETTLE_SECONDS, wait
    from podid.render.status import role_of
    from podid.render.verified import verify_view

    nodes = tuple(dict.fromkeys(probe_node or ()))
    probe = probe or bool(nodes)
    if probe_image is not None and not probe:
        raise UsageError("--probe-image belongs to --probe", hint=Again(add=("--probe",)))
    if resource and not can:
        raise UsageError("--resource belongs to --can", hint=Other(("verify", "--help")))
    asked = Asked.parse(can or (), resource or ())
    required = typed.state(require, (IdentityState.READY, IdentityState.VERIFIED, IdentityState.PROVEN))
    refs = typed.whose_pods(targets, access.shared, access.sources)
    cost = LOOK | Cost.TOKEN | (Cost.TRAIL if cloudtrail or required is IdentityState.PROVEN else FREE)
    place = access.place(for_change=probe)
    with terminal.working(f"checking cluster {place.cluster_name}"):
        found = judge(access, place, wanted_for(refs, namespace=access.shared.namespace or ""))
    check_associated(place, found, refs)
    named = tuple(status.ref for status in found.report.identities if status.association is not None)
    if not named:
        list_refs(access.clients, place, namespace=access.shared.namespace)  # says that there is none
    access.kube.needed()
    roles = dict.fromkeys(role_of(status) or "roles that could not be read" for status in found.report.identities)
    question, needed_for = f"Mint short-lived credentials of {short_list(roles)} to check them?", "Minting credentials"
    run: Probing | None = None
    if probe:
        planned = _planned(access, terminal, place, found, named, nodes, probe_image or PROBE_IMAGE)
        run = probing(access, planned)
        question = f"Mint short-lived credentials of {short_list(roles)}, and run {len(planned)} pods of podid's own?"
        needed_for = "Minting credentials and running podid's own pods"
    terminal.consent(question, needed_for=needed_for)

    def reached(status: IdentityStatus) -> bool:
        return status.reaches(required)

    with terminal.working("verifying"):
        wanted = replace(wanted_for(refs, namespace=access.shared.namespace or "", cost=cost), all_pods=all_pods)

        def read(base: Snapshot | None, again: Collection[str]) -> Diagnosis:
            return judge(access, place, wanted, base=base, again=again)

        found = wait(read, access.patience(SETTLE_SECONDS), reached, found.snapshot)
        if run is not None:  # after what may be settling, so that a pod meets what stays
            wanted = replace(wanted, cost=cost | Cost.PROBE)
            found = judge(access, place, wanted, base=found.snapshot, probing=run)
        statuses = found.report.identities
        allowed = simulate_all(access.aws.iam, place.the_cluster, statuses, asked) if can else {}
    terminal.emit(verify_view(statuses, found.snapshot.probes, allowed, single=len(refs) == 1))
    codes = {exit_code(statuses, required, allow_unknown=allow_unknown)}
    codes |= {allowed_code(items) for items in allowed.values()}
    codes |= {ExitCode.UNDETERMINED} if undecided(found.snapshot.probes) and not allow_unknown else set()
    terminal.leave(combine(codes))


def _planned(
    access: Access,
    terminal: Terminal,
    place: Place,
    found: Diagnosis,
    refs: Sequence[ServiceAccountRef],
    nodes: Sequence[str],
    image: str,
) -> tuple[Probe, ...]:
    """The probes, after they were shown as a plan."""
    from podid.cli.changing import announce, settle_interrupted
    from podid.ops.reading.probes import check_nodes, plan_probes, probe_plan

    settle_interrupted(access, terminal, place)
    check_nodes(access.kube.reader, nodes)
    planned = plan_probes(found.snapshot.pods, refs, nodes=nodes, image=image)
    announce(terminal, probe_plan(place, planned))
    return planned
