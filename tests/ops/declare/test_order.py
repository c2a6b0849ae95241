"""The order of roles."""

from harness import table
from ops.declare.worlds import ARN
from podid.domain.aws import Role
from podid.ops.change import kinds
from podid.ops.declare.order import RolePlanned, in_order
from podid.ops.role.resolve import ResolvedRole


def planned(name: str, *trusted: str, exists: bool = False) -> RolePlanned:
    """Return a role whose trust policy names the `trusted` roles."""
    principals = [f"{ARN}{role}" for role in trusted]
    statement = {"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "sts:AssumeRole"}
    role = Role(name=name, arn=f"{ARN}{name}", path="/", role_id="", trust={"Statement": statement})
    actions = () if exists else (kinds.ROLE.action(None, kinds.ROLE.state_of(role)),)
    return RolePlanned(role=ResolvedRole(role.arn, role), actions=actions)


@table(
    ("roles", "order"),
    [
        ([("a", "b"), ("b", "c"), ("c",)], ["c", "b", "a"]),
        ([("b",), ("a",)], ["b", "a"]),
        ([("a", "a")], ["a"]),
        ([("a", "elsewhere")], ["a"]),
        ([("a", "b"), ("b", "a")], ["a", "b"]),  # a circle, which IAM rejects
    ],
)
def test_a_new_role_precedes_the_roles_that_trust_it(roles: list[tuple[str, ...]], order: list[str]) -> None:
    assert list(in_order({name: planned(name, *trusted) for name, *trusted in roles})) == order


def test_a_role_that_exists_precedes_none() -> None:
    assert list(in_order({"a": planned("a", "b"), "b": planned("b", exists=True)})) == ["a", "b"]
