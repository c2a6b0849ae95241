"""Requests that presets of controllers allow and deny, as their descriptions say."""

import pytest

from podid.ops.role.presets import list_presets

from .test_presets import ARN, KEY, VALUES, allows

OWN = {"aws:resourcetag/elbv2.k8s.aws/cluster": "demo"}
NEW = {"aws:requesttag/elbv2.k8s.aws/cluster": "demo"}
BALANCER = ARN % ("elasticloadbalancing", "loadbalancer/net/a/1")
GROUP = ARN % ("ec2", "security-group/sg-1")
ZONE, OTHER_ZONE = "arn:aws-cn:route53:::hostedzone/Z1", "arn:aws-cn:route53:::hostedzone/Z2"
TYPES = "route53:changeresourcerecordsetsrecordtypes"
INSTANCE = ARN % ("ec2", "instance/i-1")
NODES = {"aws:resourcetag/kubernetes.io/cluster/demo": "owned", "aws:resourcetag/karpenter.sh/nodepool": "a"}
LAUNCHED = {
    "aws:requesttag/kubernetes.io/cluster/demo": "owned",
    "aws:requesttag/eks:eks-cluster-name": "demo",
    "aws:requesttag/karpenter.sh/nodepool": "a",
}
NODE_ROLE = "arn:aws-cn:iam::111122223333:role/nodes"
SECRET = ARN % ("secretsmanager", "secret:shop/db-AbCdEf")
GROUPS = ARN % ("logs", "log-group:/eks/demo/app")
STREAM = f"{GROUPS}:log-stream:a"
SNAPSHOT = "arn:aws-cn:ec2:cn-north-1::snapshot/snap-1"

LBC, KARPENTER = "aws-load-balancer-controller", "karpenter,nodeRole=nodes,queue=jobs"
DNS, CERTS = "external-dns,zone=Z1", "cert-manager,zone=Z1"
S3 = f"s3-csi,bucket=reports,key={VALUES['kms-key']}"
ESO, MOUNTED = "external-secrets,prefix=shop/,path=/shop", "secrets-store-csi,secret=shop/db"
LOGS, VELERO = "fluent-bit,group=/eks/demo", "velero,bucket=backups"
AMP, CA = f"prometheus,workspace={VALUES['prometheus-workspace']}", f"private-ca-issuer,ca={VALUES['private-ca']}"
FSX, LATTICE, NTH = "fsx-lustre-csi", "gateway-api-controller", "node-termination-handler,queue=jobs"
TARGETS, RDS = "load-balancer-targets,targetGroup=orders", "pganalyze"
WORKSPACE = ARN % ("aps", f"workspace/{VALUES['prometheus-workspace']}")
AUTHORITY = ARN % ("acm-pca", f"certificate-authority/{VALUES['private-ca']}")
FILES = ARN % ("fsx", "file-system/fs-1")

ALLOWED = [
    (LBC, "elasticloadbalancing:DescribeLoadBalancers", "*", {}),
    (LBC, "elasticloadbalancing:CreateLoadBalancer", BALANCER, NEW),
    (LBC, "elasticloadbalancing:DeleteLoadBalancer", BALANCER, OWN),
    (LBC, "ec2:DeleteSecurityGroup", GROUP, OWN),
    (LBC, "ec2:AuthorizeSecurityGroupIngress", GROUP, {}),
    (DNS, "route53:ListResourceRecordSets", ZONE, {}),
    (DNS, "route53:ListHostedZones", "*", {}),
    (CERTS, "route53:ChangeResourceRecordSets", ZONE, {TYPES: "TXT"}),
    (CERTS, "route53:GetChange", "arn:aws-cn:route53:::change/C1", {}),
    (S3, "s3:PutObject", "arn:aws-cn:s3:::reports/a", {}),
    (S3, "kms:GenerateDataKey", KEY, {}),
    ("cluster-autoscaler", "eks:DescribeNodegroup", ARN % ("eks", "nodegroup/demo/a/1"), {}),
    (KARPENTER, "ec2:TerminateInstances", INSTANCE, NODES),
    (KARPENTER, "ec2:RunInstances", INSTANCE, LAUNCHED),
    (KARPENTER, "iam:PassRole", NODE_ROLE, {"iam:passedtoservice": "ec2.amazonaws.com"}),
    (KARPENTER, "sqs:ReceiveMessage", ARN % ("sqs", "jobs"), {}),
    (ESO, "secretsmanager:GetSecretValue", SECRET, {}),
    (ESO, "ssm:GetParametersByPath", ARN % ("ssm", "parameter/shop/a"), {}),
    (MOUNTED, "secretsmanager:GetSecretValue", SECRET, {}),
    (LOGS, "logs:CreateLogGroup", GROUPS, {}),
    (LOGS, "logs:PutLogEvents", STREAM, {}),
    (VELERO, "s3:PutObject", "arn:aws-cn:s3:::backups/a", {}),
    (VELERO, "ec2:DeleteSnapshot", SNAPSHOT, {"aws:resourcetag/velero.io/backup": "daily"}),
    (AMP, "aps:RemoteWrite", WORKSPACE, {}),
    (AMP, "aps:QueryMetrics", WORKSPACE, {}),
    (CA, "acm-pca:IssueCertificate", AUTHORITY, {}),
    (FSX, "fsx:CreateFileSystem", FILES, {}),
    (FSX, "fsx:DescribeFileSystems", "*", {}),
    (FSX, "iam:CreateServiceLinkedRole", "*", {"iam:awsservicename": "fsx.amazonaws.com"}),
    (LATTICE, "vpc-lattice:CreateService", ARN % ("vpc-lattice", "service/svc-1"), {}),
    (LATTICE, "vpc-lattice:ListServices", "*", {}),
    (NTH, "sqs:ReceiveMessage", ARN % ("sqs", "jobs"), {}),
    (NTH, "autoscaling:CompleteLifecycleAction", ARN % ("autoscaling", "autoScalingGroup:1:a"), {}),
    (TARGETS, "elasticloadbalancing:RegisterTargets", ARN % ("elasticloadbalancing", "targetgroup/orders/1"), {}),
    (TARGETS, "ec2:AuthorizeSecurityGroupIngress", GROUP, {}),
    (RDS, "rds:DownloadDBLogFilePortion", ARN % ("rds", "db:orders"), {}),
    (RDS, "logs:GetLogEvents", ARN % ("logs", "log-group:RDSOSMetrics:log-stream:a"), {}),
]
REFUSED = [
    (LBC, "elasticloadbalancing:CreateLoadBalancer", BALANCER, {}),
    (LBC, "elasticloadbalancing:DeleteLoadBalancer", BALANCER, {"aws:resourcetag/elbv2.k8s.aws/cluster": "other"}),
    (LBC, "ec2:DeleteSecurityGroup", GROUP, {}),
    (LBC, "iam:CreateServiceLinkedRole", "*", {"iam:awsservicename": "eks.amazonaws.com"}),
    (LBC, "ec2:TerminateInstances", INSTANCE, OWN),
    (DNS, "route53:ListResourceRecordSets", OTHER_ZONE, {}),
    (DNS, "route53:DeleteHostedZone", ZONE, {}),
    (CERTS, "route53:ChangeResourceRecordSets", ZONE, {TYPES: "A"}),
    (CERTS, "route53:ChangeResourceRecordSets", ZONE, {}),
    (CERTS, "route53:ChangeResourceRecordSets", OTHER_ZONE, {TYPES: "TXT"}),
    (S3, "s3:PutObject", "arn:aws-cn:s3:::reports-2/a", {}),
    (S3, "s3:DeleteBucket", "arn:aws-cn:s3:::reports", {}),
    ("cluster-autoscaler", "eks:DescribeNodegroup", ARN % ("eks", "nodegroup/other/a/1"), {}),
    (KARPENTER, "ec2:TerminateInstances", INSTANCE, {}),
    (KARPENTER, "ec2:RunInstances", INSTANCE, {}),
    (KARPENTER, "iam:PassRole", f"{NODE_ROLE}-2", {"iam:passedtoservice": "ec2.amazonaws.com"}),
    (KARPENTER, "iam:PassRole", NODE_ROLE, {"iam:passedtoservice": "lambda.amazonaws.com"}),
    (KARPENTER, "sqs:ReceiveMessage", ARN % ("sqs", "other"), {}),
    (ESO, "secretsmanager:GetSecretValue", ARN % ("secretsmanager", "secret:crm/db-AbCdEf"), {}),
    (ESO, "secretsmanager:PutSecretValue", SECRET, {}),
    (MOUNTED, "secretsmanager:GetSecretValue", ARN % ("secretsmanager", "secret:shop/db-2-AbCdEf"), {}),
    (MOUNTED, "ssm:GetParameters", ARN % ("ssm", "parameter/shop/a"), {}),
    (LOGS, "logs:PutLogEvents", ARN % ("logs", "log-group:/eks/other:log-stream:a"), {}),
    (LOGS, "logs:DeleteLogGroup", GROUPS, {}),
    (VELERO, "s3:PutObject", "arn:aws-cn:s3:::reports/a", {}),
    (VELERO, "ec2:CreateTags", SNAPSHOT, {}),
    (AMP, "aps:RemoteWrite", f"{WORKSPACE}0", {}),
    (AMP, "aps:DeleteWorkspace", WORKSPACE, {}),
    (CA, "acm-pca:IssueCertificate", f"{AUTHORITY}0", {}),
    (CA, "acm-pca:DeleteCertificateAuthority", AUTHORITY, {}),
    (FSX, "fsx:DeleteFileSystem", "arn:aws-cn:fsx:cn-north-1:444455556666:file-system/fs-1", {}),
    (FSX, "iam:CreateServiceLinkedRole", "*", {"iam:awsservicename": "eks.amazonaws.com"}),
    (FSX, "iam:PutRolePolicy", NODE_ROLE, {}),
    (LATTICE, "iam:CreateServiceLinkedRole", NODE_ROLE, {"iam:awsservicename": "vpc-lattice.amazonaws.com"}),
    (LATTICE, "s3:PutBucketPolicy", "arn:aws-cn:s3:::reports", {}),
    (NTH, "sqs:ReceiveMessage", ARN % ("sqs", "other"), {}),
    (NTH, "ec2:TerminateInstances", INSTANCE, {}),
    (TARGETS, "elasticloadbalancing:RegisterTargets", ARN % ("elasticloadbalancing", "targetgroup/other/1"), {}),
    (TARGETS, "elasticloadbalancing:CreateLoadBalancer", BALANCER, NEW),
    (RDS, "rds:ModifyDBInstance", ARN % ("rds", "db:orders"), {}),
    (RDS, "logs:GetLogEvents", ARN % ("logs", "log-group:shop:log-stream:a"), {}),
]


@pytest.mark.parametrize("requests", [ALLOWED, REFUSED], ids=["ALLOWED", "REFUSED"])
def test_every_controller_has_rows(requests: list[tuple[str, str, str, dict[str, str]]]) -> None:
    controllers = {preset.name for preset in list_presets() if preset.area == "controller" and preset.statements}
    assert {text.partition(",")[0] for text, *_ in requests} == controllers, "each wants a line of both tables"


@pytest.mark.parametrize(("requests", "allowed"), [(ALLOWED, True), (REFUSED, False)], ids=["allowed", "refused"])
def test_a_controller_is_allowed_what_its_description_says(
    requests: list[tuple[str, str, str, dict[str, str]]], allowed: bool
) -> None:
    wrong = [request for request in requests if allows(*request[:3], **request[3]) is not allowed]
    assert wrong == []
