"""podid verify."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.errors import Again, Other, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.option import option, options, several, switch
from podid.domain.rights import CommandRights, OptionalRight
from podid.domain.status import IdentityState
from podid.ops.association.request import SERVICE_ACCOUNTS
from podid.ops.status.request import ALLOW_UNKNOWN, read_state

if TYPE_CHECKING:
    from podid.domain.plan import Place
    from podid.ops.reading.probes import Probe
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


@options
class VerifyOptions:
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    require: IdentityState = option(
        "STATE",
        "ready, verified or proven: what each must reach.",
        default=IdentityState.VERIFIED,
        read=partial(read_state, allowed=(IdentityState.READY, IdentityState.VERIFIED, IdentityState.PROVEN)),
    )
    allow_unknown: bool = ALLOW_UNKNOWN
    all_pods: bool = switch("Redeem a token of every pod, not of one for each workload and template.")
    cloudtrail: bool = switch("Find the pods' own sessions in CloudTrail, which records them some minutes late.")
    probe: bool = switch("Also run a pod of podid's own on each node, which asks the agent itself.")
    probe_node: tuple[str, ...] = several("NODE", "Run it on this node; repeatable. Means --probe.")
    probe_image: str | None = option(
        "IMAGE", "Its image, with the AWS CLI 2.15 or newer. [default: AWS's, from ECR Public]"
    )
    can: tuple[str, ...] = several("ACTION", "Also check whether pods may do this, such as s3:GetObject; repeatable.")
    resource: tuple[str, ...] = several("ARN", "On this resource; repeatable. [default: *]")


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, "yes", "journal_dir"), rights=rights)
def verify(access: Access, options: VerifyOptions) -> None:
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

    from podid.cli.changing import probing
    from podid.domain.errors import ExitCode, combine
    from podid.domain.plan import Consent
    from podid.domain.section import FREE, READS, Cost
    from podid.domain.status import exit_code
    from podid.domain.text import short_list
    from podid.ops.association.absent import check_identities
    from podid.ops.association.allowed import Asked, allowed_code, simulate_all
    from podid.ops.association.read import list_refs
    from podid.ops.reading.probes import undecided
    from podid.ops.status.look import wanted_for
    from podid.ops.status.wait import SETTLE_SECONDS, wait
    from podid.render.status import role_of
    from podid.render.verified import verify_view

    probes, required, refs = options.probe or bool(options.probe_node), options.require, options.service_accounts
    if options.probe_image is not None and not probes:
        raise UsageError("--probe-image belongs to --probe", hint=Again(add=("--probe",)))
    if options.resource and not options.can:
        raise UsageError("--resource belongs to --can", hint=Other(("verify", "--help")))
    actions = Asked.parse(options.can, options.resource)
    access.check_whose_pods(refs)
    trail = options.cloudtrail or required is IdentityState.PROVEN
    wanted = wanted_for(refs, namespace=access.shared.namespace or "")
    place = access.place(for_change=probes)
    with access.terminal.working(f"checking cluster {place.cluster_name}"):
        diagnosis = access.look(place, wanted)
    check_identities(diagnosis, place, refs)
    if not any(status.association is not None for status in diagnosis.report.identities):
        list_refs(access.clients, place, namespace=access.shared.namespace)  # says that there is none
    access.kube.needed()
    roles = dict.fromkeys(role_of(status) or "roles that could not be read" for status in diagnosis.report.identities)
    question, needed_for = f"Mint short-lived credentials of {short_list(roles)}", "Minting credentials"
    planned: tuple[Probe, ...] = ()
    if probes:
        planned = _planned(access, place, diagnosis, options)
        question = f"{question}, and run {len(planned)} pods of podid's own?"
        needed_for = f"{needed_for} and running podid's own pods"
    consent = Consent(question=question if probes else f"{question} to check them?", needed_for=needed_for)
    run = probing(access, planned) if probes else None
    access.terminal.consent(consent)
    with access.terminal.working("verifying"):
        wanted = replace(wanted, cost=READS | Cost.TOKEN | (Cost.TRAIL if trail else FREE), all_pods=options.all_pods)
        diagnosis = wait(
            lambda base, again: access.look(place, wanted, base=base, again=again),
            access.patience(SETTLE_SECONDS),
            lambda status: status.reaches(required),
            diagnosis.snapshot,
        )
        if run is not None:  # after what may be settling, so that a pod meets what stays
            wanted = replace(wanted, cost=wanted.cost | Cost.PROBE)
            diagnosis = access.look(place, wanted, base=diagnosis.snapshot, probing=run)
        statuses, results = diagnosis.report.identities, diagnosis.snapshot.probes
        allowed = simulate_all(access.aws.iam, place.the_cluster, statuses, actions) if options.can else {}
    access.terminal.emit(verify_view(statuses, results, allowed, single=len(refs) == 1))
    codes = {exit_code(statuses, required, allow_unknown=options.allow_unknown)}
    codes |= {allowed_code(items) for items in allowed.values()}
    codes |= {ExitCode.UNDETERMINED} if undecided(results) and not options.allow_unknown else set()
    access.terminal.leave(combine(codes))


def _planned(access: Access, place: Place, diagnosis: Diagnosis, options: VerifyOptions) -> tuple[Probe, ...]:
    """The probes, after they were shown as a plan."""
    from podid.cli.changing import settle_interrupted, show
    from podid.ops.reading.probes import PROBE_IMAGE, check_nodes, plan_probes, probe_plan

    settle_interrupted(access, place)
    nodes = tuple(dict.fromkeys(options.probe_node))
    check_nodes(access.kube.reader, nodes)
    refs = [status.ref for status in diagnosis.report.identities if status.association is not None]
    planned = plan_probes(diagnosis.snapshot.pods, refs, nodes=nodes, image=options.probe_image or PROBE_IMAGE)
    show(access, probe_plan(place, planned))
    return planned
