"""What made a resource, told by its tags. Tags are hints: everybody may write them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from podid.domain.members import OR_NULL, About

_STACK = "aws:cloudformation:stack-name"
_EKSCTL = "alpha.eksctl.io/cluster-name"
_CROSSPLANE = "crossplane-name"
_ACK = "services.k8s.aws/controller-version"
_KEYS = frozenset({"managedby", "managed_by", "managed-by", "provisioner", "provisionedby", "createdby", "created-by"})
_TOOLS = {
    "terraform": "Terraform",
    "opentofu": "OpenTofu",
    "terragrunt": "Terraform",
    "pulumi": "Pulumi",
    "crossplane": "Crossplane",
    "cloudformation": "CloudFormation",
    "cdk": "the AWS CDK",
    "eksctl": "eksctl",
    "ansible": "Ansible",
    "helm": "Helm",
}


@dataclass(frozen=True, slots=True)
class Owner:
    """`tool` is its name, `detail` which stack or object of it, empty where the tags do not say; `tag` is the key that
    told."""

    tool: str
    detail: Annotated[str, OR_NULL, About("The stack or object of it, where a tag says.")]
    tag: Annotated[str, About("The tag that told. Tags are hints.")]

    @property
    def words(self) -> str:
        return f"{self.tool} {self.detail}".strip()


def owner_of(tags: Mapping[str, str]) -> Owner | None:
    """The tool that keeps the resource as its own files say, and would take back what others change; None where no tag
    speaks of one, and for podid itself."""
    if _EKSCTL in tags:
        stack = tags.get(_STACK, "")
        detail = f"stack {stack}" if stack else f"for cluster {tags[_EKSCTL]}"
        return Owner("eksctl", detail, _EKSCTL)
    if _STACK in tags:
        return Owner("CloudFormation", f"stack {tags[_STACK]}", _STACK)
    if _CROSSPLANE in tags:
        return Owner("Crossplane", tags[_CROSSPLANE], _CROSSPLANE)
    if _ACK in tags:
        return Owner("AWS Controllers for Kubernetes", "", _ACK)
    for key, value in sorted(tags.items()):
        if key.lower() in _KEYS:
            tool = next((name for word, name in _TOOLS.items() if word in value.lower()), None)
            if tool is not None:
                return Owner(tool, "", key)
        if key.lower() in _TOOLS and value.lower() not in ("false", "no", "0"):
            return Owner(_TOOLS[key.lower()], "", key)
    return None
