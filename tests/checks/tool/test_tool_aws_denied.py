from checks.builder import DENIED, ROLE_ARN, healthy
from checks.grid import answers, verdicts
from podid.domain.snapshot import NOT_READ, Missing

ID = "tool-aws-denied"
UNKNOWN = healthy(node_groups=DENIED)
UNKNOWNS = [("unknown", "error", "Caller AWS")]
DENIED = Missing("you may not list node groups", "eks:ListNodegroups", "AccessDenied")


def test_each_permission_is_named_once() -> None:
    get_role = Missing("you may not read the role", "iam:GetRole", "AccessDenied")
    snapshot = healthy(node_groups=DENIED, roles={ROLE_ARN: get_role, f"{ROLE_ARN}2": get_role})
    found = verdicts(ID, snapshot)
    assert [(v.outcome.value, v.permission, v.message) for v in found] == [
        ("unknown", "eks:ListNodegroups", "node groups could not be read: you may not list node groups"),
        ("unknown", "iam:GetRole", "roles could not be read: you may not read the role"),
    ]
    assert answers("tool-k8s-rbac-denied", snapshot) == [("pass", "error", "Caller Kubernetes")]


def test_sections_that_were_not_requested_are_not_denied() -> None:
    snapshot = healthy(addons=NOT_READ, nodes=NOT_READ)
    assert answers(ID, snapshot) == [("pass", "error", "Caller AWS")]
    assert answers("tool-k8s-rbac-denied", snapshot) == [("pass", "error", "Caller Kubernetes")]
