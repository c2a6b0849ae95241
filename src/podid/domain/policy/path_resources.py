"""The resources of the actions in `podid.domain.policy.paths`.

Source: Service Authorization Reference. Each line of the first table is an action and the required types of resources
of its requests; `|` separates types of which one is sufficient. An action without types is requested for `*`. Each line
of the second table is a type and the ARNs of its resources. `tests/domain/policy/test_paths.py` compares both tables
with AWS's.
"""

from functools import cache

# documents of AWS and of other accounts can be used; roles and root users of other accounts can be assumed
_OF_ANY_ACCOUNT = frozenset({"ssm:document", "sts:role", "sts:root-user"})
_REQUIRED = """
apprunner:CreateService service
apprunner:UpdateService service
autoscaling:CreateAutoScalingGroup autoscalinggroup
autoscaling:CreateLaunchConfiguration launchconfiguration
autoscaling:UpdateAutoScalingGroup autoscalinggroup
batch:RegisterJobDefinition job-definition
batch:SubmitJob job-queue
bedrock-agentcore:CreateCodeInterpreter
bedrock-agentcore:InvokeCodeInterpreter code-interpreter|code-interpreter-custom
bedrock-agentcore:StartCodeInterpreterSession code-interpreter|code-interpreter-custom
cloudformation:CreateChangeSet stack
cloudformation:CreateStack stack
cloudformation:CreateStackInstances stackset
cloudformation:CreateStackSet
cloudformation:ExecuteChangeSet stack
cloudformation:UpdateStack stack
cloudformation:UpdateStackSet stackset
codebuild:CreateProject project
codebuild:StartBuild project
codebuild:StartBuildBatch project
codebuild:UpdateProject project
codepipeline:CreatePipeline pipeline
codepipeline:StartPipelineExecution pipeline
cognito-identity:SetIdentityPoolRoles
cognito-identity:UpdateIdentityPool identitypool
datapipeline:ActivatePipeline pipeline
datapipeline:CreatePipeline
datapipeline:PutPipelineDefinition pipeline
ec2-instance-connect:SendSSHPublicKey instance
ec2-instance-connect:SendSerialConsoleSSHPublicKey instance
ec2:AssociateIamInstanceProfile instance
ec2:CreateLaunchTemplateVersion launch-template
ec2:ModifyInstanceAttribute instance
ec2:ModifyLaunchTemplate launch-template
ec2:ReplaceIamInstanceProfileAssociation instance
ec2:RequestSpotInstances spot-instances-request
ec2:RunInstances image instance network-interface security-group subnet
ec2:StartInstances instance
ec2:StopInstances instance
ecs:CreateService service
ecs:ExecuteCommand cluster task
ecs:RegisterTaskDefinition task-definition
ecs:RunTask task-definition
ecs:StartTask task-definition
ecs:UpdateService service
eks:AssociateAccessPolicy access-entry
eks:CreateAccessEntry cluster
eks:CreatePodIdentityAssociation cluster
eks:UpdateAccessEntry access-entry
eks:UpdatePodIdentityAssociation podidentityassociation
elasticmapreduce:RunJobFlow
glue:CreateDevEndpoint
glue:CreateJob job
glue:CreateSession session
glue:CreateTrigger trigger
glue:RunStatement session
glue:StartJobRun job
glue:UpdateDevEndpoint devendpoint
glue:UpdateJob job
iam:AddRoleToInstanceProfile instance-profile
iam:AddUserToGroup group
iam:AttachGroupPolicy group
iam:AttachRolePolicy role
iam:AttachUserPolicy user
iam:CreateAccessKey user
iam:CreateLoginProfile user
iam:CreatePolicyVersion policy
iam:CreateServiceSpecificCredential user
iam:DeleteRolePermissionsBoundary role
iam:DeleteUserPermissionsBoundary user
iam:PassRole role
iam:PutGroupPolicy group
iam:PutRolePermissionsBoundary role
iam:PutRolePolicy role
iam:PutUserPermissionsBoundary user
iam:PutUserPolicy user
iam:ResetServiceSpecificCredential user
iam:SetDefaultPolicyVersion policy
iam:UpdateAccessKey user
iam:UpdateAssumeRolePolicy role
iam:UpdateLoginProfile user
iam:UpdateSAMLProvider saml-provider
identitystore:CreateGroupMembership group identitystore user
lambda:AddPermission function
lambda:CreateEventSourceMapping
lambda:CreateFunction function
lambda:CreateFunctionUrlConfig function
lambda:InvokeFunction function
lambda:InvokeFunctionUrl function
lambda:UpdateFunctionCode function
lambda:UpdateFunctionConfiguration function
sagemaker:CreateHyperParameterTuningJob hyper-parameter-tuning-job
sagemaker:CreateNotebookInstance notebook-instance
sagemaker:CreateNotebookInstanceLifecycleConfig notebook-instance-lifecycle-config
sagemaker:CreatePresignedDomainUrl user-profile
sagemaker:CreatePresignedNotebookInstanceUrl notebook-instance
sagemaker:CreateProcessingJob processing-job
sagemaker:CreateTrainingJob training-job
sagemaker:StartNotebookInstance notebook-instance
sagemaker:StopNotebookInstance notebook-instance
sagemaker:UpdateNotebookInstance notebook-instance
scheduler:CreateSchedule schedule
scheduler:UpdateSchedule schedule
ssm:CreateAssociation document
ssm:RegisterTargetWithMaintenanceWindow maintenancewindow
ssm:RegisterTaskWithMaintenanceWindow maintenancewindow
ssm:ResumeSession session
ssm:SendCommand document instance|managed-instance
ssm:StartAutomationExecution automation-definition|document
ssm:StartSession instance|managed-instance|task
ssm:UpdateDocument document
ssm:UpdateDocumentDefaultVersion document
sso:AttachCustomerManagedPolicyReferenceToPermissionSet instance permissionset
sso:AttachManagedPolicyToPermissionSet instance permissionset
sso:CreateAccountAssignment account instance permissionset
sso:ProvisionPermissionSet account instance permissionset
sso:PutInlinePolicyToPermissionSet instance permissionset
states:CreateStateMachine statemachine
states:StartExecution statemachine
states:StartSyncExecution statemachine
states:TestState
states:UpdateStateMachine statemachine
sts:AssumeRole role
sts:AssumeRoot root-user
"""
_TYPES = """
apprunner:service arn:*:apprunner:*:*:service/*/*
autoscaling:autoscalinggroup arn:*:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/*
autoscaling:launchconfiguration arn:*:autoscaling:*:*:launchConfiguration:*:launchConfigurationName/*
batch:job-definition arn:*:batch:*:*:job-definition/*
batch:job-queue arn:*:batch:*:*:job-queue/*
bedrock-agentcore:code-interpreter arn:*:bedrock-agentcore:*:aws:code-interpreter/*
bedrock-agentcore:code-interpreter-custom arn:*:bedrock-agentcore:*:*:code-interpreter-custom/*
cloudformation:stack arn:*:cloudformation:*:*:stack/*/*
cloudformation:stackset arn:*:cloudformation:*:*:stackset/*:*
codebuild:project arn:*:codebuild:*:*:project/*
codepipeline:pipeline arn:*:codepipeline:*:*:*
cognito-identity:identitypool arn:*:cognito-identity:*:*:identitypool/*
datapipeline:pipeline arn:*:datapipeline:*:*:pipeline/*
ec2:image arn:*:ec2:*::image/*
ec2:instance arn:*:ec2:*:*:instance/*
ec2:launch-template arn:*:ec2:*:*:launch-template/*
ec2:network-interface arn:*:ec2:*:*:network-interface/*
ec2:security-group arn:*:ec2:*:*:security-group/*
ec2:spot-instances-request arn:*:ec2:*:*:spot-instances-request/*
ec2:subnet arn:*:ec2:*:*:subnet/*
ec2-instance-connect:instance arn:*:ec2:*:*:instance/*
ecs:cluster arn:*:ecs:*:*:cluster/*
ecs:service arn:*:ecs:*:*:service/*/*
ecs:task arn:*:ecs:*:*:task/*/*
ecs:task-definition arn:*:ecs:*:*:task-definition/*:*
eks:access-entry arn:*:eks:*:*:access-entry/*/*/*/*/*
eks:cluster arn:*:eks:*:*:cluster/*
eks:podidentityassociation arn:*:eks:*:*:podidentityassociation/*/*
glue:devendpoint arn:*:glue:*:*:devEndpoint/*
glue:job arn:*:glue:*:*:job/*
glue:session arn:*:glue:*:*:session/*
glue:trigger arn:*:glue:*:*:trigger/*
iam:group arn:*:iam::*:group/*
iam:instance-profile arn:*:iam::*:instance-profile/*
iam:policy arn:*:iam::*:policy/*
iam:role arn:*:iam::*:role/*
iam:saml-provider arn:*:iam::*:saml-provider/*
iam:user arn:*:iam::*:user/*
identitystore:group arn:*:identitystore:::group/*
identitystore:identitystore arn:*:identitystore::*:identitystore/*
identitystore:user arn:*:identitystore:::user/*
lambda:function arn:*:lambda:*:*:function:*
sagemaker:hyper-parameter-tuning-job arn:*:sagemaker:*:*:hyper-parameter-tuning-job/*
sagemaker:notebook-instance arn:*:sagemaker:*:*:notebook-instance/*
sagemaker:notebook-instance-lifecycle-config arn:*:sagemaker:*:*:notebook-instance-lifecycle-config/*
sagemaker:processing-job arn:*:sagemaker:*:*:processing-job/*
sagemaker:training-job arn:*:sagemaker:*:*:training-job/*
sagemaker:user-profile arn:*:sagemaker:*:*:user-profile/*/*
scheduler:schedule arn:*:scheduler:*:*:schedule/*/*
ssm:automation-definition arn:*:ssm:*:*:automation-definition/*:*
ssm:document arn:*:ssm:*:*:document/*
ssm:instance arn:*:ec2:*:*:instance/*
ssm:maintenancewindow arn:*:ssm:*:*:maintenancewindow/*
ssm:managed-instance arn:*:ssm:*:*:managed-instance/*
ssm:session arn:*:ssm:*:*:session/*
ssm:task arn:*:ecs:*:*:task/*
sso:account arn:*:sso:::account/*
sso:instance arn:*:sso:::instance/*
sso:permissionset arn:*:sso:::permissionSet/*/*
states:statemachine arn:*:states:*:*:stateMachine:*
sts:role arn:*:iam::*:role/*
sts:root-user arn:*:iam::*:root
"""


@cache
def required(action: str, partition: str, account: str) -> tuple[tuple[str, ...], ...]:
    """Return the patterns of the resources that a request of the action requires, one of each group; empty for an
    action without resources, whose requests are for `*`. Without an account, the patterns are of any."""
    service, groups = _tables()[0][action]
    return tuple(
        tuple(_at(f"{service}:{name}", partition, account) for name in group.split("|")) for group in groups.split()
    )


def _at(kind: str, partition: str, account: str) -> str:
    parts = _tables()[1][kind].split(":", 5)
    parts[1] = partition
    if parts[4] == "*" and account and kind not in _OF_ANY_ACCOUNT:
        parts[4] = account
    return ":".join(parts)


@cache
def _tables() -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Return action -> (its service, its groups of types), and type -> ARN."""
    rows = (line.partition(" ") for line in _REQUIRED.split("\n") if line)
    types = (line.partition(" ") for line in _TYPES.split("\n") if line)
    return (
        {action: (action.partition(":")[0], groups) for action, _, groups in rows},
        {name: arn for name, _, arn in types},
    )
