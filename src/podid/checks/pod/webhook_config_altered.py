"""A registration that EKS did not write is called for as before, and what comes of it shows only in new pods: the
failure policy is Ignore. https://github.com/aws/amazon-eks-pod-identity-webhook/issues/225.
"""

from podid.checks.base import Case, Check, Snapshot, Verdicts, known, rule, short_list
from podid.checks.shared import injection
from podid.domain.admission import WEBHOOK, WebhookRegistration
from podid.domain.cluster import Pod
from podid.domain.findings import EVERYONE, Outcome, Severity, Subject, Verdict
from podid.domain.workloads import SKIP_POD
from podid.facts.index import podid_command
from podid.facts.injection import PodState, groups

OBJECT = "MutatingWebhookConfiguration"
GET = ("kubectl", "get", OBJECT.lower(), WEBHOOK, "-o", "yaml")


@rule(needs=("webhook", *injection.NEEDS), wants=injection.WANTS)
def webhook_config_altered(check: Check, snapshot: Snapshot) -> Verdicts:
    """How the registration differs counts only where pods lack what it should have given them: there are clusters in
    which it looks odd and works."""
    webhook, subject = known(snapshot.webhook), Subject(OBJECT, WEBHOOK)
    whole = check.case(subject, EVERYONE)
    if webhook is None:
        return [whole.skip("the webhook is not registered")]
    if not known(snapshot.associations):
        return [whole.skip("no association asks for an injection")]
    served = [pod for group in groups(snapshot) for pod in group.states.get(PodState.INJECTED, ())]
    missed = [
        (str(group.association.ref), pod) for group in groups(snapshot) for pod in group.states.get(PodState.MISSED, ())
    ]
    if not webhook.on_create:
        return [
            whole.fail(
                "the webhook that injects credentials is not asked about new pods: no rule is for CREATE of pods",
                severity=Severity.WARN if served and not missed else None,
                commands=(GET,),
            )
        ]
    causes = _causes(webhook, [pod for _, pod in missed], served)
    if not causes:
        return [_of_the_next(check, whole, webhook, served)]
    chain = tuple(sorted({ref for ref, _ in missed}))
    others = _of_the_next(check, whole, webhook, [pod for pod in served if str(pod.ref) not in chain])
    altered = check.case(subject, chain).fail(
        f"the webhook that injects credentials is not as EKS registered it, and new pods get none: {causes[0]}",
        evidence=(
            *causes,
            f"without credentials: {short_list(f'{pod.namespace}/{pod.name}' for _, pod in missed)}",
        ),
        commands=(GET, *(podid_command(snapshot, "restart", ref) for ref in chain[:3])),
        pods=(pod for _, pod in missed),
    )
    return [altered, others] if others.outcome is Outcome.FAIL else [altered]


def _causes(webhook: WebhookRegistration, missed: list[Pod], served: list[Pod]) -> tuple[str, ...]:
    """What may have kept the webhook from the missed pods: selectors that leave them out and, where it served no pod
    after one of them, whatever else is odd."""
    selectors = dict.fromkeys(webhook.leaves_out(pod.namespace, pod.labels) for pod in missed)
    causes = [f"{selector} leaves out pods that it is for" for selector in selectors if selector]
    if missed and not any(pod.created_at >= min(missed_pod.created_at for missed_pod in missed) for pod in served):
        causes += webhook.oddities()
    return tuple(causes)


def _of_the_next(check: Check, whole: Case, webhook: WebhookRegistration, served: list[Pod]) -> Verdict:
    """A selector that now leaves out what the webhook once served shows only when those pods are replaced."""
    selected = [(pod, webhook.leaves_out(pod.namespace, pod.labels)) for pod in served if SKIP_POD not in pod.labels]
    left = [(pod, selector) for pod, selector in selected if selector]
    if not left:
        return whole.ok("the webhook is registered in a way that serves new pods")
    selectors, chain = (
        sorted({selector_name for _, selector_name in left}),
        tuple(sorted({str(pod.ref) for pod, _ in left})),
    )
    return check.case(whole.subject, chain).fail(
        f"the webhook that injects credentials now leaves out pods that it served, by {' and '.join(selectors)}: their "
        "successors get none",
        severity=Severity.WARN,
        evidence=(f"left out: {short_list(f'{pod.namespace}/{pod.name}' for pod, _ in left)}",),
        commands=(GET,),
    )
