"""What Karpenter's objects say of its nodes: https://karpenter.sh/docs/concepts/nodeclasses/."""

from dataclasses import dataclass

# on each node: pkg/apis/v1/labels.go of https://github.com/aws/karpenter-provider-aws
NODE_CLASS_LABEL = "karpenter.k8s.aws/ec2nodeclass"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeClass:
    """An EC2NodeClass. It names its nodes' role, without a path, or their instance profile."""

    name: str
    role: str = ""
    instance_profile: str = ""
