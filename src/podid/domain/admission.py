"""What an admission rule of the cluster refuses: https://kubernetes.io/docs/concepts/security/pod-security-admission/."""

import re
from collections.abc import Iterable

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
