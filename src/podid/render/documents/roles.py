"""Roles."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from typing_extensions import TypedDict

from podid.render.documents.common import About, ArnText, Pairs, PolicyObject, ServiceAccounts, Time


class RoleBody(TypedDict):
    roleName: str
    roleArn: ArnText
    roleId: str
    path: str
    description: str | None
    createdAt: Time | None
    maxSessionDuration: Annotated[int, About("Seconds.")]
    permissionsBoundary: Annotated[str | None, About("The boundary policy's ARN.")]
    tags: Pairs
    trustPolicy: PolicyObject


class RoleListItem(RoleBody):
    access: Annotated[str, About("Which pods, in words.")]


class RoleListDocument(TypedDict):
    """`podid role list`: the roles that pods can assume."""

    kind: Literal["RoleList"]
    items: Sequence[RoleListItem]


class AttachedPolicyBody(TypedDict):
    policyName: str
    policyArn: ArnText


class RoleDocument(RoleBody):
    """`podid role show`."""

    kind: Literal["Role"]
    attachedPolicies: Sequence[AttachedPolicyBody]
    inlinePolicies: Annotated[Mapping[str, PolicyObject], About("By name.")]
    access: Annotated[Sequence[str], About("Who may assume it, a sentence for each statement.")]
    usedBy: Annotated[ServiceAccounts | None, About("Of the chosen cluster; null where no cluster was looked at.")]
