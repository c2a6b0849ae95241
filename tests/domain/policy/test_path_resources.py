"""The actions and resources of the published ways are those of AWS."""

from harness import table
from podid.domain.policy.path_resources import required
from podid.domain.policy.paths import PATHS
from podid.ops.permissions.actions import action_table

ACTIONS = sorted({action for path in PATHS for action in path.actions})


@table("action", ACTIONS)
def test_every_action_is_in_the_table_of_actions_with_these_resources(action: str) -> None:
    known = action_table().find(action)
    assert known is not None, action
    assert known.name == action
    groups = required(action, "*", "")
    assert {arn for group in groups for arn in group} <= {item.arn for item in known.types}
    # an action that supports resource-level permissions has a required resource
    assert bool(groups) is bool(known.types)


def test_a_group_of_resources_of_one_account() -> None:
    assert required("ssm:SendCommand", "aws-cn", "111122223333") == (
        ("arn:aws-cn:ssm:*:*:document/*",),
        ("arn:aws-cn:ec2:*:111122223333:instance/*", "arn:aws-cn:ssm:*:111122223333:managed-instance/*"),
    )
    assert required("elasticmapreduce:RunJobFlow", "aws", "111122223333") == ()
