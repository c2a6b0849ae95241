"""Failure modes that only the log of an agent shows. `podid doctor --logs` and `podid agent logs` read the log.

The texts are quoted from public issues: https://github.com/aws/eks-pod-identity-agent/issues.
"""

import json

from podid.sandbox.breaks.scenario import NAMESPACE, Scenario
from podid.sandbox.kube.objects import rfc3339

_FETCH = "Error fetching credentials: "
_CALL = (
    f"{_FETCH}error getting credentials to cache: unable to fetch credentials from EKS Auth: "
    "operation error EKS Auth: AssumeRoleForPodIdentity, "
)
_TOKEN = f"{_FETCH}Service account token cannot be parsed: token is malformed: "


def bearer_token_prefix(scenario: Scenario) -> str:
    """Log a client that sends `Bearer TOKEN` where the agent expects only the token."""
    return _logged(scenario, f"{_TOKEN}could not base64 decode header: illegal base64 data at input byte 6")


def custom_credential_chain(scenario: Scenario) -> str:
    """Log a client that sends a value other than the token of its file."""
    return _logged(scenario, f"{_TOKEN}token contains an invalid number of segments")


def agent_timeout_context_canceled(scenario: Scenario) -> str:
    cut_off = "https response error StatusCode: 0, RequestID: , canceled, context canceled"
    return _logged(scenario, f"{_CALL}{cut_off}")


def eks_auth_throttled(scenario: Scenario) -> str:
    throttled = (
        "exceeded maximum number of attempts, 3, https response error StatusCode: 429, "
        "RequestID: 1fb59a4a-9f5b-4e0c-8d8f-0e5f8a3c5e0a, ThrottlingException: Rate exceeded"
    )
    return _logged(scenario, f"{_CALL}{throttled}")


def _logged(scenario: Scenario, message: str) -> str:
    """Add a few lines with this message to the log of an agent that serves pods. Return the node."""
    identity = scenario.create_working_identity()
    pod = scenario.cluster.pods(NAMESPACE, identity.name)[0]
    node, client = str(pod["spec"]["nodeName"]), f"{pod['status']['podIP']}:41234"
    for ago in (40, 20, 5):
        line = {
            "client-addr": client,
            "level": "error",
            "msg": message,
            "time": rfc3339(scenario.world.clock.now() - ago),
        }
        scenario.kube.add_agent_line(node, json.dumps(line, separators=(",", ":")))
    scenario.on_undo(lambda: scenario.kube.forget_agent_lines(node, message))
    return node
