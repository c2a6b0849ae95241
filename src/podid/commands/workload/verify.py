"""podid verify."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.plan import Place, Plan
from podid.ops.status.request import VerifyOptions

if TYPE_CHECKING:
    from podid.ops.reading.probes import Probe
    from podid.ops.status.diagnose import Diagnosis


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, "yes", "journal_dir"),
    needs="CHECKING",
    optional=(
        ("redeeming pods' tokens; grant it per namespace", "TOKENS"),
        ("--probe: running podid's own Job; grant it per namespace", "PROBE.create"),
        ("--cloudtrail", "SESSIONS"),
        ("--can: IAM's policy simulator", "Iam.simulate"),
        (
            "--can: reading the role's policies, if the simulation depends on the request",
            "Iam.get_policies Iam.get_managed_document",
        ),
    ),
)
def verify_pods(access: Access, options: VerifyOptions) -> None:
    """Verify which role pods get. Asks for confirmation, or requires --yes.

    podid runs the checks of podid status, redeems a token of one pod of each workload at EKS Auth, and asks AWS for the
    identity of the credentials. podid keeps the credentials only in memory. An identity is verified if all checks pass
    and EKS Auth issued its role. That does not show that the pod itself requested credentials: --cloudtrail searches
    for the pods' own sessions. A pod with such a session is proven.

    --probe runs a pod on each node, but on at most ten nodes. The pod requests credentials from the agent. podid then
    deletes the pod, and records the run in podid history. --can checks the role's permissions with IAM's policy
    simulator.

    podid waits for a recent change to take effect, for at most one minute or --timeout. Exit 0 if all identities reach
    the required state, 3 if one is broken or stale or an action is denied, 9 otherwise.

    Example: podid verify shop/orders --yes

    Example: podid verify -n shop --require proven --yes

    Example: podid verify shop/orders --can s3:GetObject --resource 'arn:aws:s3:::shop-orders/*' --yes

    Example: podid verify shop/orders --probe --yes
    """
    from podid.cli.changing import probing
    from podid.cli.guide.run import ask_instead
    from podid.domain.status import shortfall
    from podid.ops.association.read import check_identities, list_refs
    from podid.ops.reading.collect import collect
    from podid.ops.status.diagnose import wanted_for
    from podid.ops.status.verify import SETTLE_SECONDS, credentials_consent, verify
    from podid.render.status import role_of
    from podid.render.verified import verify_view

    ask_instead(access, "verify")
    probes, refs, namespace = options.check_together(), options.service_accounts, access.shared.namespace
    access.check_whose_pods(refs)
    selection = wanted_for(refs, namespace=namespace or "")
    place = access.place(for_change=probes)
    with access.terminal.working(f"checking cluster {place.cluster_name}"):
        diagnosis = access.examine(place, selection)
    check_identities(diagnosis.snapshot, diagnosis.report.identities, place, refs)
    if not any(status.association is not None for status in diagnosis.report.identities):
        list_refs(access.clients, place, namespace=namespace)  # raises NotFound
    access.kube.needed()
    roles = dict.fromkeys(role_of(status) or "roles that could not be read" for status in diagnosis.report.identities)
    run = probing(access, _planned(access, place, diagnosis, options)) if probes else None
    access.terminal.consent(credentials_consent(roles, run))
    read = partial(collect, access.clients, place, journal=access.journal_to_read)
    patience = access.patience(SETTLE_SECONDS)
    with access.terminal.working("verifying"):
        result = verify(read, access.aws.iam, place, selection, options, patience, base=diagnosis, run=run)
    access.terminal.emit(verify_view(result.statuses, result.snapshot.probes, result.allowed, single=len(refs) == 1))
    access.terminal.note(*(f"note: {note}" for note in shortfall(result.statuses, options.require)))
    access.terminal.leave(result.exit_code)


def _planned(access: Access, place: Place, diagnosis: Diagnosis, options: VerifyOptions) -> tuple[Probe, ...]:
    """Return the probes, after they were shown as a plan."""
    from podid.cli.changing import Change
    from podid.ops.reading.probes import PROBE_IMAGE, named_nodes, plan_probes

    change = Change.begin(access, place)
    nodes = named_nodes(access.kube.reader, options.probe_node)
    refs = [status.ref for status in diagnosis.report.identities if status.association is not None]
    planned = plan_probes(diagnosis.snapshot.pods, refs, nodes=nodes, image=options.probe_image or PROBE_IMAGE)
    change.show(Plan(header=place.header, actions=tuple(probe.action for probe in planned)))
    return planned
