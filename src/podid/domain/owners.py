"""The tool that owns a resource and would revert changes of others, recognised by tags, by an add-on's `ownerArn`, and
by custom resources of the cluster.

Sources: CloudFormation User Guide, "Resource tags"; eksctl `pkg/apis/eksctl.io/v1alpha5/types.go`; EKS User Guide, "ACK
considerations" (tags of the EKS capability) and ACK runtime `pkg/config/config.go` (of a controller of one's own);
Crossplane `pkg/resource/resource.go`. Terraform, OpenTofu and Pulumi set no tag of their own: there only conventions
tell the owner, so that it is not certain.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from podid.domain.members import OR_NULL, About
from podid.domain.names import addon_name

# of every role that podid creates
MANAGED_BY = {"managed-by": "podid"}
ADDON = "EKS add-on"
_STACK = "aws:cloudformation:stack-name"
_EKSCTL = "alpha.eksctl.io/cluster-name"
_CROSSPLANE = "crossplane-name"
_CROSSPLANE_KIND = "crossplane-kind"
_ACK = "AWS Controllers for Kubernetes"
_ACK_NAMESPACES = {
    "services.k8s.aws/controller-version": "services.k8s.aws/namespace",
    "services.k8s.aws/namespace": "services.k8s.aws/namespace",
    "eks:eks-capability-arn": "eks:kubernetes-namespace",
}
_ACK_NAME = "eks:kubernetes-resource-name"
_PULUMI = ("pulumi:stack", "pulumi:project")
_CDK = "aws-cdk:"
# prefixes of tags that AWS and tools set; the first is AWS's own, and no caller can set it
_OF_CAPABILITY = ("eks:controller-version", "eks:eks-capability-", "eks:kubernetes-")
_MARKS = ("aws:", _CDK, "alpha.eksctl.io/", "services.k8s.aws/", "crossplane-", *_OF_CAPABILITY)
_KEYS = frozenset({"managedby", "provisioner", "provisionedby", "createdby", "deployedby", "iac"})
# the longer words first; cdk8s writes manifests of Kubernetes and owns no AWS resource
_TOOLS = {
    "cdktf": "CDK for Terraform",
    "cdk for terraform": "CDK for Terraform",
    "cdk8s": "",
    "terraform": "Terraform",
    "opentofu": "OpenTofu",
    "terragrunt": "Terraform",
    "pulumi": "Pulumi",
    "crossplane": "Crossplane",
    "cloudformation": "CloudFormation",
    "cdk": "AWS CDK",
    "eksctl": "eksctl",
    "ansible": "Ansible",
    "helm": "Helm",
}
_SHORT = {
    _ACK: ("ack",),
    "AWS CDK": ("cdk", "cloudformation"),
    "CDK for Terraform": ("cdktf", "terraform"),
}
_NO = ("false", "no", "0", "")
# of Terraform's name_prefix: a time with fractions of a second, and a counter
_NAME_PREFIX = re.compile(r".+-\d{18}[0-9a-f]{8}")
_REVERTS = {
    ADDON: "EKS replaces the associations of the add-on at its next update",
    "AWS CDK": "the next cdk deploy may revert changes by others",
    "CDK for Terraform": "the next cdktf deploy reverts changes by others",
    "CloudFormation": "the next update of the stack may revert changes by others",
    "eksctl": "the next update or deletion by eksctl may revert changes by others",
    _ACK: "the controller reverts changes by others when it next reconciles the resource",
    "Crossplane": "the provider reverts changes by others when it next reconciles the resource",
    "Terraform": "the next terraform apply reverts changes by others",
    "OpenTofu": "the next tofu apply reverts changes by others",
    "Pulumi": "the next pulumi up may revert changes by others",
    "Ansible": "the next run of the playbook may revert changes by others",
    "Helm": "the next helm upgrade may revert changes by others",
}


@dataclass(frozen=True, slots=True)
class Owner:
    """The tool that manages a resource. `detail` is its stack or object, empty if nothing names it; `tag` is the key of
    the tag. `certain` is whether the tool itself left the evidence."""

    tool: str
    detail: Annotated[str, OR_NULL, About("The add-on, stack or object of the tool; null if it is not known.")] = ""
    tag: Annotated[str, OR_NULL, About("The key of the tag that names the tool. Tags are only hints.")] = ""
    evidence: Annotated[str, About("The evidence that names the tool.")] = ""
    certain: Annotated[bool, About("Whether the tool itself sets this evidence; otherwise it is a convention.")] = True

    @property
    def words(self) -> str:
        return f"{self.tool} {self.detail}".strip()

    @property
    def description(self) -> str:
        """Return the owner, the evidence, and what reverts changes of others."""
        return f"{'' if self.certain else 'probably '}{self.words} ({self.evidence}); {self.reverts}"

    @property
    def sentence(self) -> str:
        """Return what follows the name of the resource in a sentence."""
        return f"{'' if self.certain else 'probably '}belongs to {self.words} ({self.evidence}); {self.reverts}"

    @property
    def names(self) -> frozenset[str]:
        """Return the names by which a filter finds the owner, in lower case."""
        parts = (self.tool, self.detail, self.detail.rpartition(" ")[2], self.words)
        return frozenset(part.lower() for part in (*parts, *_SHORT.get(self.tool, ())) if part)

    @property
    def reverts(self) -> str:
        return _REVERTS[self.tool]


def owner_of(tags: Mapping[str, str], *, owner_arn: str | None = None, name: str = "") -> Owner | None:
    """Return the tool that manages the resource and would revert other changes; None without evidence, and for podid.
    `owner_arn` is the add-on of an association, `name` the name of the resource."""
    if owner_arn:
        return Owner(ADDON, addon_name(owner_arn), evidence=f"ownerArn {owner_arn}")
    if owner := _of_tool(tags) or _of_convention(tags):
        return owner
    if _NAME_PREFIX.fullmatch(name):
        return Owner("Terraform", evidence="the name ends as Terraform's name_prefix does", certain=False)
    return None


def of_stack(name: str) -> Owner:
    """Return the owner of a resource that belongs to a stack. CloudFormation does not tag IAM roles."""
    return Owner("CloudFormation", f"stack {name}", evidence=f"a resource of stack {name}")


def _of_tool(tags: Mapping[str, str]) -> Owner | None:
    """Return the owner by the tags that tools set themselves."""
    stack = f"stack {tags[_STACK]}" if _STACK in tags else ""
    if eksctl := next((key for key in tags if key == _EKSCTL or key.startswith("alpha.eksctl.io/")), None):
        cluster = f"for cluster {tags[_EKSCTL]}" if _EKSCTL in tags else ""
        return _by_tag("eksctl", _EKSCTL if cluster else eksctl, tags, stack or cluster)
    if ack := next((key for key in _ACK_NAMESPACES if key in tags), None):
        names = (tags.get(_ACK_NAMESPACES[ack], ""), tags.get(_ACK_NAME, ""))
        return _by_tag(_ACK, ack, tags, "/".join(filter(None, names)))
    if _CROSSPLANE in tags or _CROSSPLANE_KIND in tags:
        key = _CROSSPLANE if _CROSSPLANE in tags else _CROSSPLANE_KIND
        return _by_tag("Crossplane", key, tags, tags.get(_CROSSPLANE, ""))
    if cdk := next((key for key in tags if key.startswith(_CDK)), None):
        return _by_tag("AWS CDK", cdk, tags, stack)
    if stack:
        return _by_tag("CloudFormation", _STACK, tags, stack)
    return None


def _by_tag(tool: str, key: str, tags: Mapping[str, str], detail: str = "", *, certain: bool = True) -> Owner:
    return Owner(tool, detail, key, f"tag {key}={tags[key]}", certain)


def _of_convention(tags: Mapping[str, str]) -> Owner | None:
    """Return the owner by the tags that people set for their tools."""
    if pulumi := next((key for key in _PULUMI if key in tags), None):
        return _by_tag("Pulumi", pulumi, tags, f"stack {tags[_PULUMI[0]]}" if _PULUMI[0] in tags else "", certain=False)
    for key, value in sorted(tags.items()):
        plain = re.sub(r"[-_:. ]", "", key.lower())
        if plain in _KEYS:
            tool = next((name for word, name in _TOOLS.items() if word in value.lower()), None)
            if tool:
                return _by_tag(tool, key, tags, certain=False)
        if _TOOLS.get(plain) and value.lower() not in _NO:
            return _by_tag(_TOOLS[plain], key, tags, certain=False)
    return None


def without_marks(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a copy, without the ownership tags of AWS and of tools."""
    return {key: value for key, value in tags.items() if not key.lower().startswith(_MARKS)}


# API groups of the custom resources -> tool; those of EKS have associations, those of IAM roles
GROUPS = {
    "eks.services.k8s.aws": _ACK,
    "iam.services.k8s.aws": _ACK,
    "eks.aws.upbound.io": "Crossplane",
    "eks.aws.m.upbound.io": "Crossplane",
    "iam.aws.upbound.io": "Crossplane",
    "iam.aws.m.upbound.io": "Crossplane",
}
PLURALS = {group: "roles" if group.startswith("iam.") else "podidentityassociations" for group in GROUPS}
# the id that Crossplane's provider stores before the resource exists
_STUB = "a-stubassocid123456"


def owners_of_custom(items: Iterable[Mapping[str, Any]]) -> dict[str, Owner]:
    """Return the owner of each association, by its id and ARN, and of each role, by its ARN, from custom resources of
    ACK and Crossplane as the API server returns them. An object that does not yet name a resource has no entry. One
    that only observes its resource is no owner."""
    owners: dict[str, Owner] = {}
    for item in items:
        group = str(item.get("apiVersion", "")).partition("/")[0]
        metadata, spec, status = (_object(item, name) for name in ("metadata", "spec", "status"))
        notes, tool = _object(metadata, "annotations"), GROUPS.get(group, "")
        read_only = str(notes.get("services.k8s.aws/read-only")).lower() == "true"
        if not tool or read_only or spec.get("managementPolicies") == ["Observe"]:
            continue
        state = _object(status, "atProvider")
        ids = (
            status.get("associationID"),
            _object(status, "ackResourceMetadata").get("arn"),
            status.get("associationARN"),
            state.get("associationId"),
            state.get("associationArn"),
            state.get("arn"),
            notes.get("crossplane.io/external-name") if item.get("kind") == "PodIdentityAssociation" else None,
        )
        name = "/".join(str(part) for part in (metadata.get("namespace"), metadata.get("name")) if part)
        owner = Owner(tool, name, evidence=f"{item.get('kind')} {name} of {group} in the cluster")
        owners |= {
            identifier: owner
            for identifier in ids
            if isinstance(identifier, str) and identifier and identifier != _STUB
        }
    return owners


def _object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}


def created_by_podid(tags: Mapping[str, str]) -> bool:
    """Return whether a role has the tag of the roles that podid creates."""
    return MANAGED_BY.items() <= tags.items()
