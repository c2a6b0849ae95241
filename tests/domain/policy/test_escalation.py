"""Each published way is found with exactly what it requires, and none of its look-alikes is.

A look-alike lacks one action, has a resource of another type, passes the role to another service, or is denied.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from harness import table
from podid.domain.policy.escalation import Escalation, administration, escalations
from podid.domain.policy.evaluate import AccessVerdict, Layer, LayerKind, RoleAccess
from podid.domain.policy.path_resources import required
from podid.domain.policy.paths import PASS_ROLE, PATHS, EscalationPath
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import parse_permissions

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/orders"
NAMED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
OBJECTS = "arn:aws:s3:::one/*"
ALLOWED, UNKNOWN = AccessVerdict.ALLOWED, AccessVerdict.UNKNOWN


def access(*statements: dict[str, Any], role: str = ROLE, **session: Any) -> RoleAccess:
    policy = parse_permissions("p", LayerKind.IDENTITY, {"Version": "2012-10-17", "Statement": list(statements)})
    layers = (Layer(LayerKind.IDENTITY, "policy", (policy,)),)
    return RoleAccess(RoleSession(role_arn=role, region="us-west-2", **session), layers)


def ways(*statements: dict[str, Any], **session: Any) -> dict[str, Escalation]:
    return {item.id: item for item in escalations(access(*statements, **session))}


def allow(actions: str | Iterable[str], resource: Any = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    listed = [actions] if isinstance(actions, str) else list(actions)
    return {"Effect": effect, "Action": listed, "Resource": resource, **more}


def groups_of(action: str, path: EscalationPath) -> list[str]:
    """Return one pattern of each required resource of the action; a role is passed by name."""
    if action == PASS_ROLE and not path.wide:
        return [NAMED_ROLE]
    return [group[0] for group in required(action, "aws", ACCOUNT)] or ["*"]


def minimal(path: EscalationPath) -> list[dict[str, Any]]:
    """Return the smallest statements that allow the path: each action on its own resources only."""
    statements = []
    for action in path.actions:
        condition: dict[str, Any] = {}
        if action == PASS_ROLE and path.passes_to:
            condition = {"Condition": {"StringEquals": {"iam:PassedToService": path.principals[0]}}}
        statements.append(allow(action, groups_of(action, path), **condition))
    return statements


def look_alikes(path: EscalationPath) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    exact = minimal(path)
    for number, statement in enumerate(exact):
        others = exact[:number] + exact[number + 1 :]
        action, resources = path.actions[number], statement["Resource"]
        yield f"without {action}", others
        yield f"{action} on objects of S3", [*others, {**statement, "Resource": OBJECTS}]
        for resource in resources:
            if len(resources) > 1:
                yield (
                    f"{action} without {resource}",
                    [*others, {**statement, "Resource": [r for r in resources if r != resource]}],
                )
            yield f"{action} denied on {resource}", [*exact, allow(action, resource, "Deny")]
        yield f"{action} denied", [*exact, allow(action, "*", "Deny")]
        yield f"{action} denied by NotAction", [*exact, {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}]
        if action == PASS_ROLE and path.passes_to:
            condition = {"StringEquals": {"iam:PassedToService": "monitoring.rds.amazonaws.com"}}
            yield "passed to another service", [*others, {**statement, "Condition": condition}]


@table("path", PATHS)
def test_a_path_is_found_with_exactly_what_it_requires(path: EscalationPath) -> None:
    assert ways(*minimal(path))[path.id].verdict is ALLOWED
    # resources of a wildcard are of every type
    everything = [allow(action, groups_of(action, path) if action == PASS_ROLE else "*") for action in path.actions]
    assert ways(*everything)[path.id].verdict is ALLOWED
    assert ways({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"})[path.id].verdict is ALLOWED


@table("path", PATHS)
def test_a_look_alike_is_none(path: EscalationPath) -> None:
    assert [name for name, statements in look_alikes(path) if path.id in ways(*statements)] == []


@table("path", PATHS)
def test_a_condition_on_the_request_leaves_it_unknown_and_names_the_key(path: EscalationPath) -> None:
    for number, action in enumerate(path.actions):
        statements = minimal(path)
        condition = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
        statements[number] = allow(action, statements[number]["Resource"], Condition=condition)
        found = ways(*statements)[path.id]
        assert found.verdict is UNKNOWN
        assert "aws:SourceVpce" in found.reason
        denied = [*minimal(path), allow(action, "*", "Deny", Condition=condition)]
        assert ways(*denied)[path.id].verdict is UNKNOWN


@table("path", PATHS)
def test_the_other_partitions_and_a_role_that_is_not_known(path: EscalationPath) -> None:
    statements = json.loads(json.dumps(minimal(path)).replace("arn:aws:", "arn:aws-cn:"))
    role = ROLE.replace("arn:aws:", "arn:aws-cn:")
    assert path.id in ways(*statements, role=role)
    assert path.id in ways(*statements, role="")
    assert path.id in ways(*minimal(path), role="")


# the actions of published ways, as their publications list them
PUBLISHED = """
iam:CreatePolicyVersion | iam:CreateAccessKey | iam:CreateAccessKey iam:DeleteAccessKey | iam:CreateLoginProfile
iam:UpdateLoginProfile | iam:PutUserPolicy | iam:AttachUserPolicy | iam:AttachRolePolicy | iam:AttachGroupPolicy
iam:PutRolePolicy | iam:PutGroupPolicy | iam:UpdateAssumeRolePolicy | iam:AddUserToGroup | iam:SetDefaultPolicyVersion
iam:AttachRolePolicy sts:AssumeRole | iam:AttachUserPolicy iam:CreateAccessKey | iam:CreatePolicyVersion sts:AssumeRole
iam:PutRolePolicy sts:AssumeRole | iam:PutUserPolicy iam:CreateAccessKey | sts:AssumeRoot
iam:AttachRolePolicy iam:UpdateAssumeRolePolicy | iam:CreatePolicyVersion iam:UpdateAssumeRolePolicy
iam:PutRolePolicy iam:UpdateAssumeRolePolicy
iam:PassRole apprunner:CreateService | apprunner:UpdateService
iam:PassRole bedrock-agentcore:CreateCodeInterpreter bedrock-agentcore:StartCodeInterpreterSession bedrock-agentcore:InvokeCodeInterpreter
bedrock-agentcore:StartCodeInterpreterSession bedrock-agentcore:InvokeCodeInterpreter
iam:PassRole cloudformation:CreateStack | cloudformation:UpdateStack | iam:PassRole cloudformation:UpdateStackSet
iam:PassRole cloudformation:CreateStackSet cloudformation:CreateStackInstances
cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet
iam:PassRole codebuild:CreateProject codebuild:StartBuild | iam:PassRole codebuild:CreateProject codebuild:StartBuildBatch
iam:PassRole codebuild:UpdateProject codebuild:StartBuild | codebuild:StartBuild | codebuild:StartBuildBatch
iam:PassRole datapipeline:CreatePipeline datapipeline:PutPipelineDefinition datapipeline:ActivatePipeline
ec2-instance-connect:SendSSHPublicKey ec2:DescribeInstances | ec2-instance-connect:SendSerialConsoleSSHPublicKey
iam:PassRole ec2:RunInstances | ec2:ModifyInstanceAttribute ec2:StopInstances ec2:StartInstances
iam:PassRole ec2:RequestSpotInstances | ec2:CreateLaunchTemplateVersion ec2:ModifyLaunchTemplate
iam:PassRole ec2:AssociateIamInstanceProfile ec2:DisassociateIamInstanceProfile
iam:PassRole ec2:ReplaceIamInstanceProfileAssociation | iam:PassRole iam:AddRoleToInstanceProfile
iam:PassRole autoscaling:CreateLaunchConfiguration autoscaling:CreateAutoScalingGroup
iam:PassRole autoscaling:CreateLaunchConfiguration autoscaling:UpdateAutoScalingGroup
iam:PassRole ecs:CreateCluster ecs:RegisterTaskDefinition ecs:CreateService | ecs:ExecuteCommand ecs:DescribeTasks
iam:PassRole ecs:CreateCluster ecs:RegisterTaskDefinition ecs:RunTask
iam:PassRole ecs:RegisterTaskDefinition ecs:CreateService | iam:PassRole ecs:RegisterTaskDefinition ecs:RunTask
iam:PassRole ecs:RegisterTaskDefinition ecs:StartTask | iam:PassRole ecs:RegisterTaskDefinition ecs:UpdateService
iam:PassRole ecs:RunTask | iam:PassRole ecs:StartTask | iam:PassRole ecs:StartTask ecs:RegisterContainerInstance
iam:PassRole glue:CreateDevEndpoint | glue:UpdateDevEndpoint | iam:PassRole glue:CreateJob glue:StartJobRun
iam:PassRole glue:CreateJob glue:CreateTrigger | iam:PassRole glue:UpdateJob glue:StartJobRun
iam:PassRole glue:UpdateJob glue:CreateTrigger | iam:PassRole glue:CreateSession glue:RunStatement | glue:UpdateJob
iam:PassRole lambda:CreateFunction lambda:InvokeFunction | iam:PassRole lambda:CreateFunction lambda:CreateEventSourceMapping
iam:PassRole lambda:CreateFunction lambda:AddPermission | lambda:UpdateFunctionCode | lambda:UpdateFunctionConfiguration
iam:PassRole lambda:CreateFunction lambda:CreateFunctionUrlConfig lambda:InvokeFunctionUrl
iam:PassRole sagemaker:CreateNotebookInstance sagemaker:CreatePresignedNotebookInstanceUrl
iam:PassRole sagemaker:CreateTrainingJob | iam:PassRole sagemaker:CreateProcessingJob
iam:PassRole sagemaker:CreateHyperParameterTuningJob | sagemaker:CreatePresignedNotebookInstanceUrl
sagemaker:CreateNotebookInstanceLifecycleConfig sagemaker:StopNotebookInstance sagemaker:UpdateNotebookInstance sagemaker:StartNotebookInstance
iam:PassRole elasticmapreduce:RunJobFlow | iam:PassRole states:TestState | iam:PassRole scheduler:CreateSchedule
iam:PassRole states:CreateStateMachine states:StartExecution | iam:PassRole scheduler:UpdateSchedule
ssm:StartSession | ssm:SendCommand | ssm:ResumeSession | ssm:CreateAssociation
sso:PutInlinePolicyToPermissionSet sso:ProvisionPermissionSet | sso:CreateAccountAssignment
cognito-identity:SetIdentityPoolRoles iam:PassRole | eks:CreateAccessEntry eks:AssociateAccessPolicy
"""


@table("line", PUBLISHED.strip().splitlines())
def test_published_combinations(line: str) -> None:
    for actions in (item.split() for item in line.split("|")):
        passing = [allow(PASS_ROLE, NAMED_ROLE)] if PASS_ROLE in actions else []
        others = [action for action in actions if action not in (PASS_ROLE, "sts:AssumeRole")]
        reported = ways(*passing, allow(others))
        assert any({*item.actions} <= {*actions} for item in PATHS if item.id in reported), actions


@table(
    ("statements", "ids"),
    [
        # actions on a bucket's objects are none of these
        ([allow("*", OBJECTS)], []),
        ([allow("*", ["arn:aws:s3:::one", OBJECTS])], []),
        # a command requires a document and an instance
        ([allow("ssm:SendCommand", f"arn:aws:ssm:*:{ACCOUNT}:document/*")], []),
        ([allow("ssm:SendCommand", f"arn:aws:ec2:*:{ACCOUNT}:instance/*")], []),
        (
            [
                allow("ssm:SendCommand", "arn:aws:ssm:us-west-2::document/AWS-RunShellScript"),
                allow("ssm:SendCommand", f"arn:aws:ec2:*:{ACCOUNT}:instance/i-1"),
            ],
            ["ssm-command"],
        ),
        # these have no resources
        ([allow(["elasticmapreduce:RunJobFlow", PASS_ROLE], [NAMED_ROLE, "arn:aws:elasticmapreduce:*:*:*"])], []),
        (
            [allow(PASS_ROLE, NAMED_ROLE), allow("elasticmapreduce:RunJobFlow")],
            ["pass-role-emr"],
        ),
        # resources of another account
        ([allow("iam:PutRolePolicy", "arn:aws:iam::444455556666:role/*")], []),
        ([allow("iam:PutRolePolicy"), allow("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:*", "Deny")], []),
        ([allow("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:user/*")], []),
        # an instance, but neither subnet nor image
        ([allow(PASS_ROLE, NAMED_ROLE), allow("ec2:RunInstances", "arn:aws:ec2:*:*:instance/*")], []),
        (
            [allow(PASS_ROLE, NAMED_ROLE), allow("ec2:RunInstances", "arn:aws:ec2:*:*:*/*")],
            ["pass-role-ec2"],
        ),
        # only a service changes its own roles
        (
            [
                allow(
                    ["iam:PutRolePolicy", "iam:AttachRolePolicy"],
                    "arn:aws:iam::*:role/aws-service-role/fsx.amazonaws.com/*",
                )
            ],
            [],
        ),
        (
            [allow("iam:PutRolePolicy", ["arn:aws:iam::*:role/aws-service-role/fsx.amazonaws.com/*", NAMED_ROLE])],
            ["put-role-policy"],
        ),
        # a variable without a value matches nothing
        ([allow("iam:CreateAccessKey", "arn:aws:iam::*:user/${aws:username}")], []),
    ],
)
def test_resources_of_the_right_type(statements: list[dict[str, Any]], ids: list[str]) -> None:
    assert list(ways(*statements)) == ids


def test_actions_on_named_roles_are_usual() -> None:
    usual = [PASS_ROLE, "sts:AssumeRole"]
    assert ways(allow(usual, NAMED_ROLE)) == {}
    every = f"arn:aws:iam::{ACCOUNT}:role/*"
    assert ways(allow(usual, every)).keys() == {"assume-any-role", "pass-any-role"}
    passing = ways(allow(PASS_ROLE, NAMED_ROLE), allow("ec2:RunInstances"))
    assert [(item.action, item.resources) for item in passing["pass-role-ec2"].actions] == [
        (PASS_ROLE, (NAMED_ROLE,)),
        ("ec2:RunInstances", ("*",)),
    ]
    assert str(passing["pass-role-ec2"]) == "iam:PassRole with ec2:RunInstances"


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        ([allow("*")], ALLOWED),
        ([allow("iam:*")], ALLOWED),
        ([allow("*", OBJECTS)], None),
        ([allow("*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})], UNKNOWN),
        ([allow("*", OBJECTS), allow("*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})], UNKNOWN),
        ([allow("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})], None),
        ([allow("*"), allow("*", "*", "Deny", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})], UNKNOWN),
        ([allow("*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}), allow("iam:*")], ALLOWED),
        ([allow("*"), allow("*", OBJECTS, "Deny")], None),
    ],
)
def test_administrators(statements: list[dict[str, Any]], verdict: AccessVerdict | None) -> None:
    broad = administration(access(*statements))
    assert (broad[1].verdict if broad is not None else None) is verdict
