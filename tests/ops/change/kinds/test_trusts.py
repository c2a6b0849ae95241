"""Trust policies of roles."""

from ops.change.plan_world import ARN, CI
from podid.domain.aws import Role
from podid.ops.change.kinds import ROLE, ROLE_TRUST


def test_the_trust_policy_is_part_of_the_state_of_its_role() -> None:
    role = Role(name="a", arn=ARN + "a", path="/", role_id="AROA", trust=CI)
    assert ROLE_TRUST.state_of(role) == {"roleName": "a", "policyDocument": ROLE.state_of(role)["trustPolicy"]}
