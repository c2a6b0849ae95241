"""The API server skips the webhook silently if it is slow or missing (failurePolicy Ignore):
https://github.com/aws/amazon-eks-pod-identity-webhook.
"""

from podid.checks.base import EVERYONE, Check, Known, Missing, Snapshot, Subject, Verdicts, known, rule
from podid.checks.shared import injection
from podid.domain.workloads import WEBHOOK
from podid.facts.injection import PodState


@rule(needs=injection.NEEDS, wants=(*injection.WANTS, "dry_runs"))
def injection_missed_webhook(check: Check, snapshot: Snapshot) -> Verdicts:
    case = check.case(Subject("MutatingWebhookConfiguration", WEBHOOK), EVERYONE)
    webhook = snapshot.webhook
    if not known(snapshot.associations):
        yield case.skip("no association requires injection")
        return
    if isinstance(webhook, Missing):
        yield case.unknown(webhook)
    elif webhook.value is not None:
        yield case.ok("the webhook is registered")
    else:
        yield case.fail(
            "the webhook that injects credentials is not registered: new pods get no credentials",
            f"MutatingWebhookConfiguration {WEBHOOK} does not exist or has no webhooks",
            commands=(("kubectl", "get", "mutatingwebhookconfiguration", WEBHOOK, "-o", "yaml"),),
        )
    gone = webhook == Known(None)
    why = "which is not registered" if gone else "which the API server skips silently if it is slow"
    say = f"started after the association was created, but got no credentials from the webhook, {why}"
    yield from injection.per_workload(check, snapshot, PodState.MISSED, say)
