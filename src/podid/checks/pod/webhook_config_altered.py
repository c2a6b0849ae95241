"""The API server calls an altered registration like the original one. A failure shows only in new pods, because the
failure policy is Ignore. https://github.com/aws/amazon-eks-pod-identity-webhook/issues/225.
"""

from podid.checks.base import Case, Check, Snapshot, Verdicts, known, rule, short_list
from podid.checks.shared import injection
from podid.domain.cluster import Pod
from podid.domain.findings import EVERYONE, Outcome, Severity, Subject, Verdict
from podid.domain.workloads import SKIP_POD, WEBHOOK, WebhookRegistration
from podid.facts.injection import PodState, groups

OBJECT = "MutatingWebhookConfiguration"
GET = ("kubectl", "get", OBJECT.lower(), WEBHOOK, "-o", "yaml")


@rule(needs=("webhook", *injection.NEEDS), wants=injection.WANTS)
def webhook_config_altered(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report a difference of the registration only if pods lack the injected fields: in some clusters it differs and
    works."""
    webhook, subject = known(snapshot.webhook), Subject(OBJECT, WEBHOOK)
    whole = check.case(subject, EVERYONE)
    if webhook is None:
        return [whole.skip("the webhook is not registered")]
    if not known(snapshot.associations):
        return [whole.skip("no association requires injection")]
    served = [pod for group in groups(snapshot) for pod in group.states.get(PodState.INJECTED, ())]
    missed = [
        (str(group.association.ref), pod)
        for group in groups(snapshot)
        for state in (PodState.MISSED, PodState.RACED)
        for pod in group.states.get(state, ())
        if state is PodState.MISSED or webhook.excluding_selector(pod.namespace, pod.labels)
    ]
    if not webhook.on_create:
        return [
            whole.fail(
                "the webhook that injects credentials is not called for new pods: it has no rule for CREATE of pods",
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
        f"the registration of the webhook was changed, and new pods get no credentials: {causes[0]}",
        *causes,
        f"pods without credentials: {short_list(f'{pod.namespace}/{pod.name}' for _, pod in missed)}",
        "a restart does not help until the registration is restored: new pods get no credentials before",
        commands=(GET,),
        pods=(pod for _, pod in missed),
    )
    return [altered, others] if others.outcome is Outcome.FAIL else [altered]


def _causes(webhook: WebhookRegistration, missed: list[Pod], served: list[Pod]) -> tuple[str, ...]:
    """Return the possible causes: selectors that exclude the missed pods, and other differences. Other differences
    count only if the webhook injected no later pod. A selector by labels of namespaces counts for namespaces without a
    later injected pod."""
    selectors = dict.fromkeys(webhook.excluding_selector(pod.namespace, pod.labels) for pod in missed)
    causes = [f"{selector} excludes associated pods" for selector in selectors if selector]
    first = min((pod.created_at for pod in missed), default=None)
    later = {pod.namespace for pod in served if first is not None and pod.created_at >= first}
    doubtful = sorted({pod.namespace for pod in missed} - later) if webhook.by_labels_of_namespaces else []
    if missed and not later:
        causes += webhook.differences()
    elif doubtful:
        causes.append(f"its namespaceSelector may exclude namespace {short_list(doubtful)}, whose labels were not read")
    return tuple(causes)


def _of_the_next(check: Check, whole: Case, webhook: WebhookRegistration, served: list[Pod]) -> Verdict:
    """Judge pods that were injected and that a selector now excludes: the effect shows when they are replaced."""
    selected = [
        (pod, webhook.excluding_selector(pod.namespace, pod.labels)) for pod in served if SKIP_POD not in pod.labels
    ]
    excluded = [(pod, selector) for pod, selector in selected if selector]
    if not excluded:
        return whole.ok("the registration of the webhook includes new pods")
    selectors = sorted({selector for _, selector in excluded})
    chain = tuple(sorted({str(pod.ref) for pod, _ in excluded}))
    return check.case(whole.subject, chain).fail(
        f"the webhook's registration now excludes pods that it injected, by {' and '.join(selectors)}: pods that "
        "replace them get no credentials",
        f"excluded pods: {short_list(f'{pod.namespace}/{pod.name}' for pod, _ in excluded)}",
        severity=Severity.WARN,
        commands=(GET,),
    )
