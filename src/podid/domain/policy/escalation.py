"""Ways to more privileges than a role has: combinations of actions that together are worth more than each by itself.

Sources: Rhino Security Labs, "AWS IAM Privilege Escalation Methods and Mitigation" (2018, with later additions); IAM
User Guide, "Grant a user permissions to pass a role to an AWS service"; EKS User Guide, "Grant IAM users access to
Kubernetes with EKS access entries".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from podid.domain.members import About, Names
from podid.domain.policy.evaluate import AccessVerdict, Ruling

PASS_ROLE = "iam:PassRole"


@dataclass(frozen=True, slots=True)
class EscalationPath:
    """`words` continue "the pods can …". With `wide`, the path requires a pattern of resources: on named resources the
    action is usual."""

    id: str
    actions: tuple[str, ...]
    words: str
    wide: bool = False

    @property
    def passes_to(self) -> tuple[str, ...]:
        """Return the names of the service to which it passes a role, also the one in China; empty if to none."""
        if self.actions[0] != PASS_ROLE or self.wide:
            return ()
        service = self.actions[1].partition(":")[0]
        return tuple(f"{_PRINCIPALS.get(service, service)}.amazonaws.com{end}" for end in ("", ".cn"))


def _path(id_: str, actions: str, words: str, *, wide: bool = False) -> EscalationPath:
    return EscalationPath(id_, tuple(actions.split()), words, wide)


def _passing(id_: str, actions: str, words: str) -> EscalationPath:
    """Return a path that gives a role to a service that then acts for the pods."""
    return _path(f"pass-role-{id_}", f"{PASS_ROLE} {actions}", words)


# services whose principal has another name than the prefix of their actions
_PRINCIPALS = {"ecs": "ecs-tasks", "batch": "ecs-tasks", "eks": "pods.eks"}
_RUNS = "run code with the role that they pass to"
PATHS: tuple[EscalationPath, ...] = (
    _path("attach-role-policy", "iam:AttachRolePolicy", "attach any managed policy to a role"),
    _path("put-role-policy", "iam:PutRolePolicy", "write an inline policy of a role"),
    _path("create-policy-version", "iam:CreatePolicyVersion", "replace the content of a managed policy"),
    _path("set-default-policy-version", "iam:SetDefaultPolicyVersion", "activate another version of a managed policy"),
    _path("delete-role-boundary", "iam:DeleteRolePermissionsBoundary", "remove the permissions boundary of a role"),
    _path("put-role-boundary", "iam:PutRolePermissionsBoundary", "replace the permissions boundary of a role"),
    _path("update-trust-policy", "iam:UpdateAssumeRolePolicy", "change which principals can assume a role"),
    _path("attach-user-policy", "iam:AttachUserPolicy", "attach any managed policy to a user"),
    _path("put-user-policy", "iam:PutUserPolicy", "write an inline policy of a user"),
    _path("attach-group-policy", "iam:AttachGroupPolicy", "attach any managed policy to a group"),
    _path("put-group-policy", "iam:PutGroupPolicy", "write an inline policy of a group"),
    _path("add-user-to-group", "iam:AddUserToGroup", "add a user to a group with more permissions"),
    _path("create-access-key", "iam:CreateAccessKey", "create access keys of a user"),
    _path("create-login-profile", "iam:CreateLoginProfile", "set a password for a user without one"),
    _path("update-login-profile", "iam:UpdateLoginProfile", "change the password of a user"),
    _path("assume-any-role", "sts:AssumeRole", "assume every role whose trust policy allows the account", wide=True),
    _path("pass-any-role", PASS_ROLE, "give many roles to AWS services", wide=True),
    _passing("ec2", "ec2:RunInstances", f"{_RUNS} an EC2 instance"),
    _passing("lambda", "lambda:CreateFunction lambda:InvokeFunction", f"{_RUNS} a Lambda function"),
    _passing("lambda-trigger", "lambda:CreateFunction lambda:CreateEventSourceMapping", f"{_RUNS} a Lambda function"),
    _passing(
        "cloudformation", "cloudformation:CreateStack", "create resources with the role of a CloudFormation stack"
    ),
    _passing("ecs", "ecs:RegisterTaskDefinition ecs:RunTask", f"{_RUNS} an ECS task"),
    _passing("glue-job", "glue:CreateJob glue:StartJobRun", f"{_RUNS} a Glue job"),
    _passing("glue-endpoint", "glue:CreateDevEndpoint", f"{_RUNS} a Glue development endpoint"),
    _passing(
        "sagemaker",
        "sagemaker:CreateNotebookInstance sagemaker:CreatePresignedNotebookInstanceUrl",
        f"{_RUNS} a SageMaker notebook",
    ),
    _passing("codebuild", "codebuild:CreateProject codebuild:StartBuild", f"{_RUNS} a CodeBuild project"),
    _passing("batch", "batch:RegisterJobDefinition batch:SubmitJob", f"{_RUNS} a Batch job"),
    _passing(
        "step-functions", "states:CreateStateMachine states:StartExecution", "call AWS with the role of a state machine"
    ),
    _passing("scheduler", "scheduler:CreateSchedule", "call AWS with the role of a schedule"),
    _passing("ssm-automation", "ssm:StartAutomationExecution", "call AWS with the role of an SSM automation"),
    _passing(
        "data-pipeline",
        "datapipeline:CreatePipeline datapipeline:PutPipelineDefinition datapipeline:ActivatePipeline",
        f"{_RUNS} a data pipeline",
    ),
    _passing("pod-identity", "eks:CreatePodIdentityAssociation", "give another role to pods of a cluster"),
    _passing("pod-identity-update", "eks:UpdatePodIdentityAssociation", "change the role of pods of a cluster"),
    _path("lambda-code", "lambda:UpdateFunctionCode", "run code with the role of an existing Lambda function"),
    _path("ssm-command", "ssm:SendCommand", "run commands on instances, and so use their roles"),
    _path("ssm-session", "ssm:StartSession", "open a shell on instances, and so use their roles"),
    _path("ec2-ssh-key", "ec2-instance-connect:SendSSHPublicKey", "log in to instances, and so use their roles"),
    _path(
        "ec2-user-data",
        "ec2:ModifyInstanceAttribute ec2:StopInstances ec2:StartInstances",
        "run code on existing instances, and so use their roles",
    ),
    _path(
        "glue-endpoint-key", "glue:UpdateDevEndpoint", "log in to Glue development endpoints, and so use their roles"
    ),
    _path(
        "eks-access-entry",
        "eks:CreateAccessEntry eks:AssociateAccessPolicy",
        "make principals administrators of a cluster",
    ),
)


@dataclass(frozen=True, slots=True)
class EscalationAction:
    """An action of a path, with the patterns of its resources as far as they are known."""

    action: str
    resources: Annotated[Names, About("The patterns of the resources, as far as they are known.")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """A path that the role's policies allow, or may allow."""

    id: str
    verdict: Annotated[AccessVerdict, About("unknown if an action depends on the request, or a policy was not read.")]
    actions: tuple[EscalationAction, ...]
    words: Annotated[str, About('Continues "the pods can".')]


def escalations(ruling: Callable[[str], Ruling], passing: Callable[[str], Ruling]) -> Iterator[Escalation]:
    """Yield the paths whose actions are all allowed, or unknown, by `ruling`; `passing` is the access to pass a role to
    a service."""
    for path in PATHS:
        rulings = {action: ruling(action) for action in path.actions}
        if path.passes_to and rulings[PASS_ROLE].verdict is AccessVerdict.UNKNOWN:
            rulings[PASS_ROLE] = min(map(passing, path.passes_to), key=lambda item: _MOST_FIRST.index(item.verdict))
        verdicts = {item.verdict for item in rulings.values()}
        if AccessVerdict.DENIED in verdicts:
            continue
        if path.wide and not any(_wide(item) for item in rulings.values()):
            continue
        yield Escalation(
            id=path.id,
            verdict=AccessVerdict.UNKNOWN if AccessVerdict.UNKNOWN in verdicts else AccessVerdict.ALLOWED,
            actions=tuple(EscalationAction(name, item.resources or item.unclear) for name, item in rulings.items()),
            words=path.words,
        )


_MOST_FIRST = (AccessVerdict.ALLOWED, AccessVerdict.UNKNOWN, AccessVerdict.DENIED)


def _wide(ruling: Ruling) -> bool:
    """Return whether a resource is a pattern of roles."""
    patterns = ruling.resources or ruling.unclear
    return not patterns or any(set("*?") & set(pattern) for pattern in patterns)
