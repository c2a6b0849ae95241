from checks.builder import NO_PODS, healthy
from checks.grid import answers, only
from podid.domain.snapshot import Missing

ID = "tool-k8s-rbac-denied"
UNKNOWN = NO_PODS
UNKNOWNS = [("unknown", "error", "Caller Kubernetes")]
FORBIDDEN = Missing("pods is forbidden", "list pods", "AccessDenied")


def test_denied_sections_are_named() -> None:
    found = only(ID, healthy(pods=FORBIDDEN, agent_pods=FORBIDDEN))
    assert (found.outcome.value, found.permission, found.message) == (
        "unknown",
        "list pods",
        "agent pods, pods could not be read: pods is forbidden",
    )
    assert answers("tool-aws-denied", healthy(pods=FORBIDDEN)) == [("pass", "error", "Caller AWS")]
