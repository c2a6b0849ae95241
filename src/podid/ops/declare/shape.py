"""The form of a file, `kind: PodIdentity`: the classes that list its members, and from which its JSON Schema is
generated.

`podid.ops.declare.document` reads the file; it also checks names, values and members that cannot be used together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from podid.domain.members import OPTIONAL, About, Document

Text = Annotated[str, OPTIONAL]
Patterns = Annotated[Sequence[str], OPTIONAL]
Tags = Annotated[Mapping[str, str], OPTIONAL, About("Tags by key. podid sets the tag of the owner itself.")]
Policy = Mapping[str, object]
ScopeWord = Literal["service-account", "namespace", "cluster", "account"]


class MetadataPart(Document):
    """The name of the file's content."""

    name: Annotated[str, About("Name of the owner of everything that podid creates from the file.")]


class OwnerPart(Document):
    """The mark of ownership."""

    key: Annotated[str, About("Key of the tag with metadata.name as its value; the default is podid:owner.")]


class ClusterTags(Document):
    """All clusters of the region with these tags."""

    tags: Annotated[Mapping[str, str], About("Tags by key.")]


class AgentPart(Document):
    """The agent add-on."""

    version: Annotated[str, OPTIONAL, About("Version of the add-on, or latest; any version by default.")]
    configuration: Annotated[Mapping[str, object], OPTIONAL, About("Configuration values of the add-on.")]


class GuardPart(Document):
    """The limits of every change. A member that is omitted permits everything."""

    allowed_roles: Annotated[Patterns, About("Patterns of role names or ARNs.")]
    allowed_policies: Annotated[Patterns, About("Patterns of policy names or ARNs.")]
    allowed_scopes: Annotated[Sequence[ScopeWord], OPTIONAL, About("Scopes of trust policies.")]
    required_boundary: Annotated[Text, About("Permissions boundary that each role must have: a name or an ARN.")]
    required_tags: Annotated[Mapping[str, str], OPTIONAL, About("Patterns of values, by the key of the tag.")]
    default_accounts: Annotated[bool, OPTIONAL, About("Whether service accounts named default may have a role.")]


class InlinePart(Document):
    """An inline policy."""

    name: Annotated[str, About("Name of the inline policy.")]
    document: Annotated[Policy | str, About("The policy, or its JSON text.")]


class FilePart(Document):
    """An inline policy from a file."""

    file: Annotated[str, About("Path of the policy, relative to the file that names it.")]
    name: Annotated[Text, About("Name of the inline policy; derived from the path by default.")]


class ManagedPart(Document):
    """A managed policy."""

    managed: Annotated[str, About("ARN of a managed policy, or the name of an AWS managed policy.")]


class PresetPart(Document):
    """A policy of podid preset list."""

    preset: Annotated[str, About("Name of the preset.")]
    parameters: Annotated[
        Mapping[str, str | Sequence[str]], OPTIONAL, About("Values of the preset's parameters, by name.")
    ]


class RolePart(Document):
    """An IAM role. A member that is omitted has its default."""

    name: str
    path: Annotated[Text, About("Path of the role; / by default.")]
    scope: Annotated[ScopeWord, OPTIONAL, About("The scope of the trust policy, if it is wider than the subjects.")]
    subjects: Annotated[
        Sequence[str],
        OPTIONAL,
        About("Service accounts that may assume the role; by default those of the file's associations."),
    ]
    conditions: Annotated[
        Sequence[str], OPTIONAL, About("Further conditions of the trust policy, each as [OPERATOR:]KEY=VALUE.")
    ]
    trust: Annotated[Policy | str, OPTIONAL, About("A whole trust policy, instead of scope, subjects and conditions.")]
    policies: Annotated[
        Sequence[InlinePart | FilePart | ManagedPart | PresetPart],
        OPTIONAL,
        About("All permissions policies of the role."),
    ]
    boundary: Annotated[
        Text, About("Permissions boundary: the ARN of a managed policy, or the name of an AWS managed policy.")
    ]
    max_session_duration: Annotated[int | str, OPTIONAL, About("Seconds, or text such as 2h; 3600 by default.")]
    description: Text
    tags: Tags


class AssociationPart(Document):
    """The association of a service account, or of all that match a pattern. A member that is omitted has its
    default."""

    service_account: Annotated[str, About("NAMESPACE/NAME. Both may be patterns with * and ?.")]
    selector: Annotated[Text, About("Label selector of the service accounts that match the pattern.")]
    role: Annotated[str, About("Name of a role in the file, or name or ARN of an existing role.")]
    target_role: Annotated[Text, About("ARN of the role that the first role assumes.")]
    session_tags: Annotated[bool, OPTIONAL, About("Whether EKS adds session tags; true by default.")]
    session_policy: Annotated[
        Policy | str, OPTIONAL, About("Session policy, or its JSON text. It requires sessionTags: false.")
    ]
    tags: Tags
    create_service_account: Annotated[
        bool, OPTIONAL, About("Whether podid creates the service account if it does not exist.")
    ]


class DeclarationFile(Document):
    """A file of podid plan, apply and diff: roles and associations as they must be."""

    api_version: Literal["podid/v1"]
    kind: Literal["PodIdentity"]
    metadata: MetadataPart
    owner: Annotated[OwnerPart, OPTIONAL]
    clusters: Annotated[
        Sequence[str | ClusterTags], OPTIONAL, About("Clusters by name, ARN or tags; by default that of the command.")
    ]
    agent: Annotated[AgentPart, OPTIONAL]
    allowed_roles: Annotated[Patterns, About("Patterns of role ARNs that annotations of service accounts may name.")]
    guard: Annotated[GuardPart, OPTIONAL]
    roles: Annotated[Sequence[RolePart], OPTIONAL]
    associations: Annotated[Sequence[AssociationPart], OPTIONAL]
