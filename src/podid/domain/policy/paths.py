"""The published ways to more permissions than a principal has, as data.

Each row of PATHS has four columns:

- the id;
- the required actions, all of them; `iam:PassRole>SERVICE` is to pass a role to the service with this principal;
- words that continue "the pods can …", and after `;` the resource that must exist before;
- the publication, and its name of the way if it has one.

The resources of each action are in `podid.domain.policy.path_resources`.
"""

from dataclasses import dataclass
from functools import cached_property

PASS_ROLE = "iam:PassRole"


@dataclass(frozen=True, slots=True)
class Publication:
    """`date` is the day of the version that podid's authors read, or the day of publication."""

    title: str
    url: str
    date: str


SOURCES = {
    "rhino": Publication(
        "Rhino Security Labs, AWS IAM Privilege Escalation: Methods and Mitigation",
        "https://github.com/RhinoSecurityLabs/AWS-IAM-Privilege-Escalation",
        "2019-07-25",
    ),
    "pathfinding": Publication("Datadog, pathfinding.cloud", "https://pathfinding.cloud", "2026-05-16"),
    "hacktricks": Publication(
        "HackTricks Cloud, AWS Privilege Escalation",
        "https://github.com/HackTricks-wiki/hacktricks-cloud",
        "2026-08-10",
    ),
    "pmapper": Publication("NCC Group, Principal Mapper", "https://github.com/nccgroup/PMapper", "2022-02-03"),
    "assume-root": Publication(
        "Elastic Security Labs, Exploring AWS STS AssumeRoot",
        "https://www.elastic.co/security-labs/exploring-aws-sts-assumeroot",
        "2024-12-10",
    ),
    "eks": Publication(
        "EKS User Guide, Grant IAM users access to Kubernetes with EKS access entries",
        "https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html",
        "2026-11-30",
    ),
    "pod-identity": Publication(
        "EKS User Guide, Assign an IAM role to a Kubernetes service account",
        "https://docs.aws.amazon.com/eks/latest/userguide/pod-id-association.html",
        "2026-11-30",
    ),
    "iam": Publication(
        "IAM User Guide, Grant a user permissions to pass a role to an AWS service",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",
        "2026-11-30",
    ),
}


@dataclass(frozen=True)
class EscalationPath:
    """`words` continue "the pods can …". `passes_to` are the services of which one gets the role, as prefixes of their
    principals; empty if no role is passed to one. With `wide`, the path requires a pattern of resources: on named
    resources the action is usual. `existing` is the resource that must exist before, empty if there is none."""

    id: str
    actions: tuple[str, ...]
    words: str
    existing: str = ""
    source: str = ""
    passes_to: tuple[str, ...] = ()
    wide: bool = False

    @property
    def principals(self) -> tuple[str, ...]:
        """Return the principals of the services to which it passes a role, also those in China."""
        return tuple(f"{name}.amazonaws.com{end}" for name in self.passes_to for end in ("", ".cn"))

    @cached_property
    def services(self) -> frozenset[str]:
        """Return the prefixes of its actions."""
        return frozenset(action.partition(":")[0] for action in self.actions)

    @property
    def publication(self) -> Publication:
        return SOURCES[self.source.partition(" ")[0]]


# the ways that are reported only for a pattern of roles
_WIDE = ("assume-any-role", "pass-any-role")
_TABLE = """
attach-role-policy | iam:AttachRolePolicy | attach any managed policy to a role | rhino 9
put-role-policy | iam:PutRolePolicy | write an inline policy of a role | rhino 12
create-policy-version | iam:CreatePolicyVersion | replace the content of a managed policy; attached policy | rhino 1
set-default-policy-version | iam:SetDefaultPolicyVersion | activate another version of a managed policy; attached policy | rhino 2
delete-role-boundary | iam:DeleteRolePermissionsBoundary | remove the permissions boundary of a role | hacktricks iam
put-role-boundary | iam:PutRolePermissionsBoundary | replace the permissions boundary of a role | hacktricks iam
update-trust-policy | iam:UpdateAssumeRolePolicy | change which principals can assume a role | rhino 14
attach-user-policy | iam:AttachUserPolicy | attach any managed policy to a user | rhino 7
put-user-policy | iam:PutUserPolicy | write an inline policy of a user | rhino 10
delete-user-boundary | iam:DeleteUserPermissionsBoundary | remove the permissions boundary of a user | hacktricks iam
put-user-boundary | iam:PutUserPermissionsBoundary | replace the permissions boundary of a user | hacktricks iam
attach-group-policy | iam:AttachGroupPolicy | attach any managed policy to a group | rhino 8
put-group-policy | iam:PutGroupPolicy | write an inline policy of a group | rhino 11
add-user-to-group | iam:AddUserToGroup | add a user to a group with more permissions | rhino 13
create-access-key | iam:CreateAccessKey | create access keys of a user; user | rhino 4
update-access-key | iam:UpdateAccessKey | activate access keys of a user again; known inactive access key | hacktricks iam
create-service-credential | iam:CreateServiceSpecificCredential | create credentials of a user for a service; user | hacktricks iam
reset-service-credential | iam:ResetServiceSpecificCredential | get new credentials of a user for a service; user | hacktricks iam
create-login-profile | iam:CreateLoginProfile | set a password for a user without one; user | rhino 5
update-login-profile | iam:UpdateLoginProfile | change the password of a user; user | rhino 6
update-saml-provider | iam:UpdateSAMLProvider | log in as users of an identity provider; SAML provider | hacktricks iam
assume-any-role | sts:AssumeRole | assume every role whose trust policy allows the account; role | pathfinding sts-001
assume-root | sts:AssumeRoot | act as the root user of accounts of the organization; member account | assume-root
pass-any-role | iam:PassRole | give many roles to AWS services | iam
pass-role-ec2 | iam:PassRole>ec2 ec2:RunInstances | {run} an EC2 instance | rhino 3
pass-role-ec2-spot | iam:PassRole>ec2 ec2:RequestSpotInstances | {run} an EC2 spot instance | pathfinding ec2-003
pass-role-instance-profile | iam:PassRole>ec2 ec2:AssociateIamInstanceProfile | give a role to an instance; instance | pmapper ec2
pass-role-replace-profile | iam:PassRole>ec2 ec2:ReplaceIamInstanceProfileAssociation | change the role of an instance; instance | hacktricks ec2
pass-role-add-to-profile | iam:PassRole>ec2 iam:AddRoleToInstanceProfile | add a role to an instance profile; instance | hacktricks ec2
pass-role-autoscaling | iam:PassRole>ec2 autoscaling:CreateLaunchConfiguration autoscaling:CreateAutoScalingGroup | {run} instances of an Auto Scaling group | pmapper autoscaling
pass-role-autoscaling-update | iam:PassRole>ec2 autoscaling:CreateLaunchConfiguration autoscaling:UpdateAutoScalingGroup | {run} instances of an Auto Scaling group; Auto Scaling group | hacktricks ec2
autoscaling-existing-configuration | autoscaling:CreateAutoScalingGroup | start instances with the role of a launch configuration; launch configuration | pmapper autoscaling
pass-role-lambda | iam:PassRole>lambda lambda:CreateFunction lambda:InvokeFunction | {run} a Lambda function | rhino 15
pass-role-lambda-trigger | iam:PassRole>lambda lambda:CreateFunction lambda:CreateEventSourceMapping | {run} a Lambda function | rhino 17
pass-role-lambda-permission | iam:PassRole>lambda lambda:CreateFunction lambda:AddPermission | {run} a Lambda function | rhino 16
pass-role-lambda-url | iam:PassRole>lambda lambda:CreateFunction lambda:CreateFunctionUrlConfig lambda:InvokeFunctionUrl | {run} a Lambda function | hacktricks lambda
pass-role-cloudformation | iam:PassRole>cloudformation cloudformation:CreateStack | create resources with the role of a CloudFormation stack | rhino 21
pass-role-cloudformation-update | iam:PassRole>cloudformation cloudformation:UpdateStack | create resources with the role of a CloudFormation stack; stack | hacktricks cloudformation
pass-role-cloudformation-changes | iam:PassRole>cloudformation cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet | create resources with the role of a CloudFormation stack | hacktricks cloudformation
pass-role-stack-set | iam:PassRole>cloudformation cloudformation:CreateStackSet cloudformation:CreateStackInstances | create resources with the role of a CloudFormation stack set | pathfinding cloudformation-003
pass-role-stack-set-update | iam:PassRole>cloudformation cloudformation:UpdateStackSet | create resources with the role of a CloudFormation stack set; stack set | pathfinding cloudformation-004
pass-role-ecs | iam:PassRole>ecs-tasks ecs:RegisterTaskDefinition ecs:RunTask | {run} an ECS task; ECS cluster | pathfinding ecs-004
pass-role-ecs-start | iam:PassRole>ecs-tasks ecs:RegisterTaskDefinition ecs:StartTask | {run} an ECS task; container instance | pathfinding ecs-005
pass-role-ecs-service | iam:PassRole>ecs-tasks ecs:RegisterTaskDefinition ecs:CreateService | {run} an ECS service; ECS cluster | pathfinding ecs-003
pass-role-ecs-service-update | iam:PassRole>ecs-tasks ecs:RegisterTaskDefinition ecs:UpdateService | {run} an ECS service; ECS service | hacktricks ecs
pass-role-ecs-override | iam:PassRole>ecs-tasks ecs:RunTask | run other commands in an ECS task with a role; task definition | pathfinding ecs-008
pass-role-ecs-start-override | iam:PassRole>ecs-tasks ecs:StartTask | run other commands in an ECS task with a role; task definition | pathfinding ecs-009
pass-role-apprunner | iam:PassRole>tasks.apprunner apprunner:CreateService | {run} an App Runner service | pathfinding apprunner-001
pass-role-glue-job | iam:PassRole>glue glue:CreateJob glue:StartJobRun | {run} a Glue job | pathfinding glue-003
pass-role-glue-job-trigger | iam:PassRole>glue glue:CreateJob glue:CreateTrigger | {run} a Glue job | pathfinding glue-004
pass-role-glue-job-update | iam:PassRole>glue glue:UpdateJob glue:StartJobRun | {run} a Glue job; Glue job | pathfinding glue-005
pass-role-glue-job-update-trigger | iam:PassRole>glue glue:UpdateJob glue:CreateTrigger | {run} a Glue job; Glue job | pathfinding glue-006
pass-role-glue-endpoint | iam:PassRole>glue glue:CreateDevEndpoint | {run} a Glue development endpoint | rhino 19
pass-role-glue-session | iam:PassRole>glue glue:CreateSession glue:RunStatement | {run} a Glue session | pathfinding glue-007
pass-role-sagemaker | iam:PassRole>sagemaker sagemaker:CreateNotebookInstance sagemaker:CreatePresignedNotebookInstanceUrl | {run} a SageMaker notebook | rhino 27
pass-role-sagemaker-lifecycle | iam:PassRole>sagemaker sagemaker:CreateNotebookInstance sagemaker:CreateNotebookInstanceLifecycleConfig | {run} a SageMaker notebook | pathfinding sagemaker-005
pass-role-sagemaker-training | iam:PassRole>sagemaker sagemaker:CreateTrainingJob | {run} a SageMaker training job | pathfinding sagemaker-002
pass-role-sagemaker-processing | iam:PassRole>sagemaker sagemaker:CreateProcessingJob | {run} a SageMaker processing job | pathfinding sagemaker-003
pass-role-sagemaker-tuning | iam:PassRole>sagemaker sagemaker:CreateHyperParameterTuningJob | {run} a SageMaker tuning job | hacktricks sagemaker
pass-role-codebuild | iam:PassRole>codebuild codebuild:CreateProject codebuild:StartBuild | {run} a CodeBuild project | pathfinding codebuild-001
pass-role-codebuild-batch | iam:PassRole>codebuild codebuild:CreateProject codebuild:StartBuildBatch | {run} a CodeBuild project | pathfinding codebuild-004
pass-role-codebuild-update | iam:PassRole>codebuild codebuild:UpdateProject codebuild:StartBuild | {run} a CodeBuild project; CodeBuild project | pmapper codebuild
pass-role-codebuild-update-batch | iam:PassRole>codebuild codebuild:UpdateProject codebuild:StartBuildBatch | {run} a CodeBuild project; CodeBuild project | pmapper codebuild
pass-role-codepipeline | iam:PassRole>codepipeline codepipeline:CreatePipeline codebuild:CreateProject codepipeline:StartPipelineExecution | {run} a pipeline | hacktricks codepipeline
pass-role-batch | iam:PassRole>ecs-tasks batch:RegisterJobDefinition batch:SubmitJob | {run} a Batch job; job queue | iam
pass-role-emr | iam:PassRole>elasticmapreduce,ec2 elasticmapreduce:RunJobFlow | {run} an EMR cluster | hacktricks emr
pass-role-step-functions | iam:PassRole>states states:CreateStateMachine states:StartExecution | call AWS with the role of a state machine | hacktricks stepfunctions
pass-role-step-functions-sync | iam:PassRole>states states:CreateStateMachine states:StartSyncExecution | call AWS with the role of a state machine | hacktricks stepfunctions
pass-role-step-functions-update | iam:PassRole>states states:UpdateStateMachine | call AWS with the role of a state machine; state machine | hacktricks stepfunctions
pass-role-step-functions-test | iam:PassRole>states states:TestState | call AWS with the role of a state machine | hacktricks stepfunctions
pass-role-scheduler | iam:PassRole>scheduler scheduler:CreateSchedule | call AWS with the role of a schedule | hacktricks scheduler
pass-role-scheduler-update | iam:PassRole>scheduler scheduler:UpdateSchedule | call AWS with the role of a schedule; schedule | hacktricks scheduler
pass-role-ssm-automation | iam:PassRole>ssm ssm:StartAutomationExecution | call AWS with the role of an SSM automation | iam
pass-role-data-pipeline | iam:PassRole>datapipeline,ec2 datapipeline:CreatePipeline datapipeline:PutPipelineDefinition datapipeline:ActivatePipeline | {run} a data pipeline | rhino 22
pass-role-bedrock | iam:PassRole>bedrock-agentcore bedrock-agentcore:CreateCodeInterpreter bedrock-agentcore:StartCodeInterpreterSession bedrock-agentcore:InvokeCodeInterpreter | {run} a code interpreter | pathfinding bedrock-001
pass-role-cognito | iam:PassRole>cognito-identity cognito-identity:SetIdentityPoolRoles | give a role to users of an identity pool; identity pool | hacktricks cognito
pass-role-pod-identity | iam:PassRole>pods.eks eks:CreatePodIdentityAssociation | give another role to pods of a cluster | pod-identity
pass-role-pod-identity-update | iam:PassRole>pods.eks eks:UpdatePodIdentityAssociation | change the role of pods of a cluster; association | pod-identity
lambda-code | lambda:UpdateFunctionCode | run code with the role of an existing Lambda function; function | rhino 18
lambda-layer | lambda:UpdateFunctionConfiguration | run code with the role of an existing Lambda function; function | rhino 26
cloudformation-update | cloudformation:UpdateStack | create resources with the role of an existing stack; stack with a role | pathfinding cloudformation-002
cloudformation-changes | cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet | create resources with the role of an existing stack; stack with a role | pathfinding cloudformation-005
cloudformation-stack-set | cloudformation:UpdateStackSet | create resources with the role of an existing stack set; stack set | hacktricks cloudformation
ecs-exec | ecs:ExecuteCommand | run commands in ECS tasks, and so use their roles; task | pathfinding ecs-006
apprunner-update | apprunner:UpdateService | run code with the role of an App Runner service; App Runner service | pathfinding apprunner-002
codebuild-start | codebuild:StartBuild | run commands with the role of a CodeBuild project; CodeBuild project | pathfinding codebuild-002
codebuild-start-batch | codebuild:StartBuildBatch | run commands with the role of a CodeBuild project; CodeBuild project | pathfinding codebuild-003
glue-endpoint-key | glue:UpdateDevEndpoint | log in to Glue development endpoints, and so use their roles; development endpoint | rhino 20
glue-job-script | glue:UpdateJob | run code with the role of an existing Glue job; Glue job | hacktricks glue
sagemaker-notebook-url | sagemaker:CreatePresignedNotebookInstanceUrl | open SageMaker notebooks, and so use their roles; notebook | rhino 28
sagemaker-domain-url | sagemaker:CreatePresignedDomainUrl | open SageMaker domains, and so use their roles; domain | hacktricks sagemaker
sagemaker-lifecycle | sagemaker:CreateNotebookInstanceLifecycleConfig sagemaker:StopNotebookInstance sagemaker:UpdateNotebookInstance sagemaker:StartNotebookInstance | run code with the roles of SageMaker notebooks; notebook | pathfinding sagemaker-005
bedrock-session | bedrock-agentcore:StartCodeInterpreterSession bedrock-agentcore:InvokeCodeInterpreter | run code with the role of a code interpreter; code interpreter | pathfinding bedrock-002
cognito-identity-pool | cognito-identity:UpdateIdentityPool | log in to an identity pool, and so use its roles; identity pool | hacktricks cognito
step-functions-update | states:UpdateStateMachine states:StartExecution | call AWS with the role of an existing state machine; state machine | hacktricks stepfunctions
ssm-command | ssm:SendCommand | run commands on instances, and so use their roles; instance | pathfinding ssm-002
ssm-association | ssm:CreateAssociation | run commands on instances, and so use their roles; instance | hacktricks ssm
ssm-document | ssm:UpdateDocument ssm:UpdateDocumentDefaultVersion | change the commands that run on instances; document in use | hacktricks ssm
ssm-maintenance | ssm:RegisterTaskWithMaintenanceWindow ssm:RegisterTargetWithMaintenanceWindow | run commands on instances, and so use their roles; maintenance window | hacktricks ssm
ssm-session | ssm:StartSession | open a shell on instances, and so use their roles; instance | pathfinding ssm-001
ssm-resume | ssm:ResumeSession | take over a shell on instances, and so use their roles; session | hacktricks ssm
ec2-ssh-key | ec2-instance-connect:SendSSHPublicKey | log in to instances, and so use their roles; instance | pathfinding ec2-003
ec2-serial-console | ec2-instance-connect:SendSerialConsoleSSHPublicKey | log in to instances, and so use their roles; instance | hacktricks ec2
ec2-user-data | ec2:ModifyInstanceAttribute ec2:StopInstances ec2:StartInstances | run code on existing instances, and so use their roles; instance | pathfinding ec2-002
ec2-launch-template | ec2:CreateLaunchTemplateVersion ec2:ModifyLaunchTemplate | run code on new instances, and so use their roles; launch template | pathfinding ec2-004
eks-access-entry | eks:CreateAccessEntry eks:AssociateAccessPolicy | make principals administrators of a cluster | eks
eks-access-policy | eks:AssociateAccessPolicy | make a principal with an access entry administrator of a cluster; access entry | eks
eks-access-groups | eks:UpdateAccessEntry | give a principal with an access entry other groups of Kubernetes; access entry | eks
sso-inline-policy | sso:PutInlinePolicyToPermissionSet sso:ProvisionPermissionSet | change the permissions of users of IAM Identity Center; permission set | hacktricks sso
sso-managed-policy | sso:AttachManagedPolicyToPermissionSet sso:ProvisionPermissionSet | change the permissions of users of IAM Identity Center; permission set | hacktricks sso
sso-customer-policy | sso:AttachCustomerManagedPolicyReferenceToPermissionSet sso:ProvisionPermissionSet | change the permissions of users of IAM Identity Center; permission set | hacktricks sso
sso-assignment | sso:CreateAccountAssignment | give users of IAM Identity Center access to accounts; permission set | hacktricks sso
sso-group | identitystore:CreateGroupMembership | add users of IAM Identity Center to a group; group | hacktricks sso
"""


def _path(line: str) -> EscalationPath:
    id_, actions, text, source = (column.strip() for column in line.split("|"))
    names, passed = [], ""
    for word in actions.split():
        name, _, services = word.partition(">")
        names.append(name)
        passed = passed or services
    words, _, existing = text.partition("; ")
    words = words.format(run="run code with the role that they pass to")
    return EscalationPath(
        id_, tuple(names), words, existing, source, tuple(filter(None, passed.split(","))), id_ in _WIDE
    )


PATHS = tuple(map(_path, _TABLE.strip().splitlines()))
