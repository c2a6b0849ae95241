"""Admission of a pod: the registration of the webhook that injects credentials, compared with the one that EKS writes,
and rejections by admission rules of the cluster. Pure.

The registration: https://github.com/aws/amazon-eks-pod-identity-webhook (deploy/); its fields:
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/; Pod Security:
https://kubernetes.io/docs/concepts/security/pod-security-admission/.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from podid.domain.network import Selector

# the MutatingWebhookConfiguration that EKS creates in every cluster
WEBHOOK = "pod-identity-webhook"
# the API server sets this label on every namespace to the namespace's name, so its value is known
NAMESPACE_NAME = "kubernetes.io/metadata.name"
EVERYTHING = Selector()
_HERE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRegistration:
    """`url` is empty for a Service of the cluster. `on_create` is whether a rule covers the creation of pods.
    `versions` are its AdmissionReview versions, of which the API server sends the first one that it supports."""

    url: str = ""
    on_create: bool = True
    versions: tuple[str, ...] = ("v1beta1",)
    namespaces: Selector = EVERYTHING
    objects: Selector = EVERYTHING

    def excluding_selector(self, namespace: str, labels: Mapping[str, str]) -> str:
        """Return the selector that excludes a pod from the webhook; empty if none is known to. Of the namespace's
        labels only the name is known."""
        if not self.objects.selects(labels):
            return "its objectSelector"
        known = {NAMESPACE_NAME: namespace}
        of_name = Selector(
            {key: value for key, value in self.namespaces.labels.items() if key in known},
            tuple(requirement for requirement in self.namespaces.requirements if requirement.key in known),
        )
        return "" if of_name.selects(known) else "its namespaceSelector"

    def differences(self) -> tuple[str, ...]:
        """Return the differences from EKS's registration. None of them alone proves that the webhook does not work."""
        differences = []
        if not self.url:
            differences.append("it calls a Service of the cluster; EKS's webhook runs in the control plane")
        elif urlsplit(self.url).hostname not in _HERE:
            differences.append("it calls an address outside the control plane")
        if self.versions == ("v1",):
            differences.append("its admissionReviewVersions lack v1beta1, in which EKS's webhook may answer")
        if self.namespaces != EVERYTHING:
            differences.append("it has a namespaceSelector; EKS's has none")
        return tuple(differences)


POLICY_BLOCKS_AGENT = "admission-policy-blocks-agent"
ENFORCE = "pod-security.kubernetes.io/enforce"
# the agent requires the host network and a privileged init container
_REFUSE_THE_AGENT = ("baseline", "restricted")
_REFUSED = re.compile(r"violates PodSecurity|admission webhook .* denied|denied the request|is forbidden: ", re.DOTALL)


def why_agent_refused(namespace: str, level: str) -> str:
    """Return why a namespace's Pod Security level rejects the agent's pods; empty if it allows them."""
    if level not in _REFUSE_THE_AGENT:
        return ""
    return f'namespace {namespace} enforces Pod Security "{level}", which rejects the agent\'s pods'


def allow_agent_command(namespace: str) -> tuple[str, ...]:
    """Return the command that allows the agent's pods in the namespace."""
    return ("kubectl", "label", "namespace", namespace, f"{ENFORCE}=privileged", "--overwrite")


def refusals(warnings: Iterable[str]) -> list[str]:
    """Return the warnings of a controller that an admission rule caused."""
    return [line for line in warnings if _REFUSED.search(line)]
