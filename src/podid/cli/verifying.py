"""What `podid verify` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli import inputs
from podid.cli.restarting import need_kubernetes
from podid.render.verify import verify_view

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation


def run_verify(run: Invocation, target: str, *, all_pods: bool) -> None:
    from podid.ops.association.plan import association_not_found
    from podid.ops.association.verify import MOST_PODS, verify

    (ref,) = inputs.service_accounts([target])
    cluster = run.cluster()
    association = run.aws.eks.find_association(cluster.name, ref)
    if association is None:
        known = run.aws.eks.list_association_summaries(cluster.name)
        raise association_not_found(ref, cluster.name, tuple(item.ref for item in known))
    access = need_kubernetes(run)
    run.consent(
        f"Mint short-lived credentials of {association.target_role_arn or association.role_arn} to look at them?",
        needed_for="Minting credentials",
    )

    with run.working(f"verifying {ref}"):
        report = verify(
            access.reader,
            access.writer,
            association,
            redeem=run.aws.eks_auth.assume_role_for_pod_identity,
            whoami=run.aws.sts.caller_of,
            progress=run.progress.glance,
            most=None if all_pods else MOST_PODS,
        )
    run.emit(verify_view(report))
    run.finish(report.exit_code)
