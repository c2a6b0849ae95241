"""The webhook is skipped without a word when it is slow or gone (failurePolicy Ignore):
https://github.com/aws/amazon-eks-pod-identity-webhook.
"""

from podid.checks.base import EVERYONE, Check, Known, Missing, Snapshot, Subject, Verdicts, known, rule
from podid.checks.shared import injection
from podid.domain.admission import WEBHOOK
from podid.facts.injection import PodState


@rule(needs=injection.NEEDS, wants=(*injection.WANTS, "dry_runs"))
def injection_missed_webhook(check: Check, snapshot: Snapshot) -> Verdicts:
    case = check.case(Subject("MutatingWebhookConfiguration", WEBHOOK), EVERYONE)
    webhook = snapshot.webhook
    if not known(snapshot.associations):
        yield case.skip("no association asks for an injection")
        return
    if isinstance(webhook, Missing):
        yield case.unknown(webhook)
    elif webhook.value is not None:
        yield case.ok("the webhook is registered")
    else:
        yield case.fail(
            "the webhook that injects credentials is not registered: new pods get none",
            evidence=(f"MutatingWebhookConfiguration {WEBHOOK} does not exist or has no webhooks",),
            commands=(("kubectl", "get", "mutatingwebhookconfiguration", WEBHOOK, "-o", "yaml"),),
        )
    gone = webhook == Known(None)
    why = "which is not registered" if gone else "which is skipped in silence when it is slow"
    say = f"missed by the webhook, {why}, although younger than the association"
    yield from injection.per_workload(check, snapshot, PodState.MISSED, say)
