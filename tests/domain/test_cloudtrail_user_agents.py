"""Old SDKs and calls of nodes in events of CloudTrail."""

from checks.builder import NOW, ago
from harness import table
from podid.domain.cloudtrail import Lookup, NodeTrail, SessionCall, is_call_of_node, node_trail, old_sdk

BOTO = "Boto3/1.26.137 md/Botocore#1.29.137 ua/2.0 os/linux#6.1 md/arch#x86_64 lang/python#3.9.16 Botocore/1.29.137"
CLI = "aws-cli/2.13.0 Python/3.11.4 Linux/6.1 exe/x86_64 prompt/off command/sqs"
GO2 = "aws-sdk-go-v2/1.21.0 os/linux lang/go#1.20.5 md/GOOS#linux md/GOARCH#amd64 api/sqs#1.24.5"


@table(
    ("user_agent", "expected"),
    [
        (BOTO, "boto3 1.26.137"),
        ("Boto3/1.34.41 md/Botocore#1.34.41 ua/2.0 os/linux#6.1 Botocore/1.34.41", ""),
        ("Boto3/1.17.0 Python/3.8.5 Linux/4.14 Botocore/1.20.0 Resource", "boto3 1.17.0"),
        ("Botocore/1.31.2 Python/3.9 Linux/6.1", "botocore 1.31.2"),
        ("aiobotocore/2.13.0 md/Botocore#1.34.106 ua/2.0", ""),
        (CLI, "AWS CLI 2.13.0"),
        ("aws-cli/2.15.0 Python/3.11.6 Linux/6.1 exe/x86_64 prompt/off command/s3.ls", ""),
        ("aws-cli/1.29.80 Python/3.9.18 Linux/6.1 Botocore/1.31.80", "AWS CLI v1 1.29.80"),
        # its own botocore is 1.32: what AWS lists for the CLI decides
        ("aws-cli/1.30.0 md/Botocore#1.32.0 ua/2.0", ""),
        ("aws-sdk-go/1.44.290 (go1.20.5; linux; amd64)", "AWS SDK for Go v1 1.44.290"),
        ("aws-sdk-go/1.47.11 (go1.21.4; linux; amd64) S3Manager", ""),
        ("APN/1.0 HashiCorp/1.0 Terraform/1.5 aws-sdk-go/1.44.1 (go1.20)", "AWS SDK for Go v1 1.44.1"),
        (GO2, "AWS SDK for Go v2 1.21.0"),
        ("aws-sdk-go-v2/1.22.2 os/linux lang/go#1.21", ""),
        ("aws-sdk-java/1.12.300 Linux/6.1 OpenJDK_64-Bit_Server_VM/11", "AWS SDK for Java v1 1.12.300"),
        ("aws-sdk-java/1.12.746 Linux/6.1", ""),
        ("aws-sdk-java/2.20.26 Linux/6.1 OpenJDK_64-Bit_Server_VM/17 Java/17 io/sync", "AWS SDK for Java v2 2.20.26"),
        ("aws-sdk-java/2.21.30 md/io#sync md/http#Apache ua/2.1", ""),
        ("aws-sdk-nodejs/2.1400.0 linux/v18.16.0 promise", "AWS SDK for JavaScript v2 2.1400.0"),
        ("aws-sdk-nodejs/2.1550.0 linux/v18.16.0 promise", ""),
        ("aws-sdk-js/3.350.0 ua/2.0 os/linux#6.1 lang/js md/nodejs#18.16.0", "AWS SDK for JavaScript v3 3.350.0"),
        ("aws-sdk-js/3.458.0 ua/2.0 os/linux#6.1", ""),
        ("aws-sdk-dotnet-coreclr/3.7.400.1 aws-sdk-dotnet-core/3.7.108.2 .NET_Core/6", "AWSSDK.Core of .NET 3.7.108.2"),
        # a service's own number says nothing
        ("aws-sdk-dotnet-coreclr/3.7.1.0 aws-sdk-dotnet-core/3.7.302.0 .NET_Core/8", ""),
        ("AWSPowerShell.NetCore/4.1.480 .NET_Core/7", "AWS Tools for PowerShell 4.1.480"),
        ("aws-sdk-ruby3/3.180.0 ua/2.0 api/sqs#1.50.0 os/linux", "aws-sdk-core of Ruby 3.180.0"),
        ("aws-sdk-ruby3/3.188.0 ua/2.0", ""),
        ("aws-sdk-php/3.270.1 OS/Linux/6.1 lang/php/8.1 GuzzleHttp/7", "AWS SDK for PHP 3.270.1"),
        ("aws-sdk-php/3.287.1 OS/Linux", ""),
        ("aws-sdk-rust/0.55.3 os/linux lang/rust/1.68", "AWS SDK for Rust 0.55.3"),
        ("aws-sdk-rust/1.3.9 ua/2.1 api/sqs/1.2.0", ""),
        ("aws-sdk-cpp/1.9.100 Linux/6.1 x86_64", "AWS SDK for C++ 1.9.100"),
        ("aws-sdk-cpp/1.11.263 ua/2.0", ""),
        ("Go-http-client/1.1", ""),
        ("autoscaling.amazonaws.com", ""),
        ("my-aws-cli/1.0.0", ""),
        ("", ""),
    ],
)
def test_user_agents_of_old_sdks(user_agent: str, expected: str) -> None:
    old = old_sdk(user_agent)
    assert (f"{old.name} {old.version}" if old else "") == expected


def trail(*calls: SessionCall, whole: bool = True) -> NodeTrail:
    return node_trail(Lookup(calls, ago(hours=6), whole))


@table(
    ("service", "action", "user_agent", "own"),
    [
        ("sqs", "ListQueues", BOTO, False),
        ("secretsmanager", "GetSecretValue", GO2, False),
        ("ssm", "GetParameter", BOTO, False),
        # image pulls, the VPC CNI, SSM's agent, the bootstrap script of Amazon Linux 2
        ("ecr", "GetAuthorizationToken", "aws-sdk-go/1.44.290 (go1.20.5; linux; amd64)", True),
        ("ec2", "AssignPrivateIpAddresses", "amazon-vpc-cni-k8s/v1.12 aws-sdk-go/1.44.100", True),
        ("ec2", "DescribeVolumes", "aws-sdk-go/1.44.100 (go1.19) amazon-vpc-cni-k8s", True),
        ("ssm", "UpdateInstanceInformation", "aws-sdk-go/1.41.4 (go1.17) amazon-ssm-agent/3.1", True),
        ("eks", "DescribeCluster", "aws-cli/1.18.147 Python/2.7.18 Linux/5.10 botocore/1.18.6", True),
        ("ec2", "DescribeInstances", "aws-cli/1.18.147 Python/2.7.18 Linux/5.10 botocore/1.18.6", True),
        ("eks-auth", "AssumeRoleForPodIdentity", "aws-sdk-go-v2/1.21.0", True),
        ("monitoring", "PutMetricData", "CWAgent/1.247 (go1.19) aws-sdk-go/1.44", True),
    ],
)
def test_calls_of_the_node_itself(service: str, action: str, user_agent: str, own: bool) -> None:
    call = SessionCall(at=NOW, service=service, action=action, user_agent=user_agent)
    assert is_call_of_node(call) is own
    assert bool(trail(call).old) is not own


def test_calls_of_one_kind_are_counted() -> None:
    first = SessionCall(at=ago(minutes=50), service="sqs", action="ListQueues", user_agent=BOTO)
    newest = SessionCall(at=ago(minutes=5), service="sqs", action="ListQueues", user_agent=BOTO)
    counted = trail(newest, first, whole=False)
    (old,) = counted.old
    assert (old.call, old.count, old.last) == ("sqs:ListQueues", 2, newest.at)
    assert (counted.looked, counted.since) == (2, first.at)
