"""Privilege escalation paths: their actions exist, and each is reported only with all of its actions."""

from harness import table
from podid.domain.policy.escalation import PATHS, Escalation, EscalationPath, escalations
from podid.domain.policy.evaluate import AccessVerdict, Ruling
from podid.ops.permissions.actions import action_table

ROLE = "arn:aws:iam::111122223333:role/orders"


def reported(
    allowed: set[str], resource: str = "*", verdict: AccessVerdict = AccessVerdict.ALLOWED
) -> dict[str, Escalation]:
    def ruling(action: str) -> Ruling:
        if action not in allowed:
            return Ruling(action=action, verdict=AccessVerdict.DENIED)
        return Ruling(action=action, verdict=verdict, resources=(resource,))

    return {item.id: item for item in escalations(ruling, lambda _: ruling("iam:PassRole"))}


def test_every_action_is_in_the_table_under_that_name() -> None:
    table = action_table()
    for path in PATHS:
        for action in path.actions:
            known = table.find(action)
            assert known is not None, action
            assert known.name == action
    assert len({path.id for path in PATHS}) == len(PATHS)


@table("path", PATHS)
def test_a_path_requires_all_of_its_actions(path: EscalationPath) -> None:
    assert reported({*path.actions})[path.id].verdict is AccessVerdict.ALLOWED
    for action in path.actions:
        assert path.id not in reported({*path.actions} - {action})
    assert reported({*path.actions}, verdict=AccessVerdict.UNKNOWN)[path.id].verdict is AccessVerdict.UNKNOWN


def test_actions_on_named_roles_are_usual() -> None:
    usual = {"iam:PassRole", "sts:AssumeRole"}
    assert reported(usual, ROLE) == {}
    assert reported(usual, "arn:aws:iam::111122223333:role/*").keys() == {"assume-any-role", "pass-any-role"}
    passing = reported({"iam:PassRole", "ec2:RunInstances"}, ROLE)
    assert passing.keys() == {"pass-role-ec2"}
    both = passing["pass-role-ec2"].actions
    assert [(item.action, item.resources) for item in both] == [
        ("iam:PassRole", (ROLE,)),
        ("ec2:RunInstances", (ROLE,)),
    ]
