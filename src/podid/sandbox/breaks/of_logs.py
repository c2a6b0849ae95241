"""Failure modes that only the log of an agent shows: `podid doctor --logs` and `podid agent logs` read it.

Texts are those of public issues: https://github.com/aws/eks-pod-identity-agent/issues.
"""

import json

from podid.sandbox.breaks.hands import NAMESPACE, Hands
from podid.sandbox.kube.objects import rfc3339

_FETCH = "Error fetching credentials: error getting credentials to cache: unable to fetch credentials from EKS Auth: "
_CALL = "operation error EKS Auth: AssumeRoleForPodIdentity, "


def bearer_token_prefix(hands: Hands) -> str:
    """A client that sends `Bearer TOKEN` where the token alone is expected."""
    return _logged(hands, "Service account token cannot be parsed: illegal base64 data at input byte 6")


def custom_credential_chain(hands: Hands) -> str:
    """A client that sends something else than the token of its file."""
    return _logged(hands, "Service account token cannot be parsed: token contains an invalid number of segments")


def agent_timeout_context_canceled(hands: Hands) -> str:
    cut_off = "https response error StatusCode: 0, RequestID: , canceled, context canceled"
    return _logged(hands, f"{_FETCH}{_CALL}{cut_off}")


def eks_auth_throttled(hands: Hands) -> str:
    return _logged(hands, f"{_FETCH}{_CALL}ThrottlingException: Rate exceeded")


def _logged(hands: Hands, message: str) -> str:
    """A few such lines of an agent that serves pods; the node."""
    found = hands.working()
    pod = hands.cluster.pods(NAMESPACE, found.name)[0]
    node, client = str(pod["spec"]["nodeName"]), f"{pod['status']['podIP']}:41234"
    for ago in (40, 20, 5):
        line = {"client-addr": client, "level": "error", "msg": message, "time": rfc3339(hands.world.clock.now() - ago)}
        hands.kube.add_agent_line(node, json.dumps(line, separators=(",", ":")))
    hands.later(lambda: hands.kube.forget_agent_lines(node, message))
    return node
