"""What happens to a pod before it is made: the registration of the webhook that injects credentials, and whether it is
as EKS writes it; what an admission rule of the cluster refuses. Pure.

What EKS writes: https://github.com/aws/amazon-eks-pod-identity-webhook (deploy/); what each field does:
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/; what is refused:
https://kubernetes.io/docs/concepts/security/pod-security-admission/.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from podid.domain.network import Selector

# the MutatingWebhookConfiguration that EKS makes in every cluster
WEBHOOK = "pod-identity-webhook"
# by which a namespace can be told without reading its labels; the API server puts it on every namespace
NAMESPACE_NAME = "kubernetes.io/metadata.name"
EVERYTHING = Selector()
_HERE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRegistration:
    """`url` is empty for one that is a Service of the cluster; `on_create` says whether a rule asks it about new pods;
    `versions` are those of AdmissionReview, of which the API server sends the first it knows."""

    url: str = ""
    on_create: bool = True
    versions: tuple[str, ...] = ("v1beta1",)
    namespaces: Selector = EVERYTHING
    objects: Selector = EVERYTHING

    def leaves_out(self, namespace: str, labels: Mapping[str, str]) -> str:
        """Which selector keeps a pod from the webhook; empty where none is known to: of its namespace's labels only
        the name is known."""
        if not self.objects.selects(labels):
            return "its objectSelector"
        known = {NAMESPACE_NAME: namespace}
        of_name = Selector(
            {key: value for key, value in self.namespaces.labels.items() if key in known},
            tuple(requirement for requirement in self.namespaces.requirements if requirement.key in known),
        )
        return "" if of_name.selects(known) else "its namespaceSelector"

    def oddities(self) -> tuple[str, ...]:
        """What is not as EKS writes it. None of it proves by itself that the webhook does not work."""
        oddities = []
        if not self.url:
            oddities.append("it asks a Service of the cluster; EKS's runs in the control plane")
        elif urlsplit(self.url).hostname not in _HERE:
            oddities.append("it asks an address outside the control plane")
        if self.versions == ("v1",):
            oddities.append("its admissionReviewVersions leave out v1beta1, in which EKS's webhook may answer")
        if self.namespaces != EVERYTHING:
            oddities.append("it has a namespaceSelector; EKS's has none")
        return tuple(oddities)


POLICY_BLOCKS_AGENT = "admission-policy-blocks-agent"
ENFORCE = "pod-security.kubernetes.io/enforce"
# the agent needs the node's network and a privileged init container
_REFUSE_THE_AGENT = ("baseline", "restricted")
_REFUSED = re.compile(r"violates PodSecurity|admission webhook .* denied|denied the request|is forbidden: ", re.DOTALL)


def why_agent_refused(namespace: str, level: str) -> str:
    """What a namespace's Pod Security level says to the agent's pods; empty where it lets them in."""
    if level not in _REFUSE_THE_AGENT:
        return ""
    return f'namespace {namespace} enforces Pod Security "{level}", which refuses the agent\'s pods'


def let_in(namespace: str) -> tuple[str, ...]:
    """The command that does."""
    return ("kubectl", "label", "namespace", namespace, f"{ENFORCE}=privileged", "--overwrite")


def refusals(warnings: Iterable[str]) -> list[str]:
    """Those of a controller's warnings that an admission rule is the reason of."""
    return [line for line in warnings if _REFUSED.search(line)]
