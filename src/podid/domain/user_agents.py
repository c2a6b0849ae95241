"""What a call's user agent tells of the SDK that made it, and whether that SDK is older than EKS Pod Identity.

Minimum versions: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-minimum-sdk.html. Three SDKs write another
number than the one that AWS lists: Go v2 that of its core module (the configuration module of release-2023-11-14 takes
none before 1.22.2), .NET that of AWSSDK.Core (3.7.302.0 is the one of SDK 3.7.734.0), Rust that of its runtime crates.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

Version = tuple[int, ...]


class _Sdk(NamedTuple):
    """`before` is the first version that has Pod Identity; `token` is what its user agents call it."""

    name: str
    token: str
    before: Version


_NUMBER = r"(\d{1,6}(?:\.\d{1,6}){1,3})"
# the one that calls comes first where a user agent names several: the AWS CLI carries a botocore
_SDKS = (
    _Sdk("AWS CLI v1", r"aws-cli/(?=1\.)", (1, 30, 0)),
    _Sdk("AWS CLI", r"aws-cli/", (2, 15, 0)),
    _Sdk("boto3", r"boto3/", (1, 34, 41)),
    _Sdk("botocore", r"botocore[/#]", (1, 34, 41)),
    _Sdk("AWS SDK for Go v2", r"aws-sdk-go-v2/", (1, 22, 2)),
    _Sdk("AWS SDK for Go v1", r"aws-sdk-go/", (1, 47, 11)),
    _Sdk("AWS SDK for Java v1", r"aws-sdk-java/(?=1\.)", (1, 12, 746)),
    _Sdk("AWS SDK for Java v2", r"aws-sdk-java/", (2, 21, 30)),
    _Sdk("AWS SDK for Kotlin", r"aws-sdk-kotlin/", (1, 0, 1)),
    _Sdk("AWS SDK for JavaScript v2", r"aws-sdk-(?:nodejs|js)/(?=2\.)", (2, 1550, 0)),
    _Sdk("AWS SDK for JavaScript v3", r"aws-sdk-js/", (3, 458, 0)),
    _Sdk("AWS Tools for PowerShell", r"AWSPowerShell(?:\.\w+)?/", (4, 1, 502)),
    _Sdk("AWSSDK.Core of .NET", r"aws-sdk-dotnet-core/", (3, 7, 302)),
    _Sdk("aws-sdk-core of Ruby", r"aws-sdk-ruby[23]/", (3, 188, 0)),
    _Sdk("AWS SDK for PHP", r"aws-sdk-php\d?/", (3, 287, 1)),
    _Sdk("AWS SDK for C++", r"aws-sdk-cpp/", (1, 11, 263)),
    _Sdk("AWS SDK for Rust", r"aws-sdk-rust/", (1, 1, 8)),
)
_PATTERNS = tuple((sdk, re.compile(rf"(?<![\w-]){sdk.token}v?{_NUMBER}", re.ASCII | re.IGNORECASE)) for sdk in _SDKS)
# what belongs on a node and calls AWS with its role
_OF_THE_NODE = re.compile(
    r"amazon-vpc-cni|amazon-ssm-agent|ecr-credential-provider|ecr-login|eks-pod-identity-agent|nodeadm|kubelet|"
    r"kubernetes/|cloud-provider-aws|aws-iam-authenticator|cloud-init|cfn-|CWAgent|node-monitoring|"
    r"ec2-instance-connect|bottlerocket",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class OldSdk:
    """`version` is as the user agent has it, `since` the first one that has Pod Identity."""

    name: str
    version: str
    since: str


def old_sdk(user_agent: str) -> OldSdk | None:
    """The SDK of a user agent if it is known to be older than Pod Identity; None also for one that tells no version."""
    for sdk, pattern in _PATTERNS:
        found = pattern.search(user_agent)
        if found is not None:
            parts = tuple(map(int, found[1].split(".")))
            return OldSdk(sdk.name, found[1], ".".join(map(str, sdk.before))) if parts < sdk.before else None
    return None


def of_the_node(user_agent: str) -> bool:
    """Whether it names a program of the node itself: its network plugin, kubelet, SSM's agent."""
    return _OF_THE_NODE.search(user_agent) is not None
