"""Associations."""

from collections.abc import Sequence
from typing import Annotated, Literal

from typing_extensions import TypedDict

from podid.render.documents.common import About, ArnText, Pairs, Time
from podid.render.documents.trust import TrustBody


class AssociationBody(TypedDict):
    clusterName: str
    namespace: str
    serviceAccount: str
    roleArn: ArnText
    associationArn: ArnText
    associationId: Annotated[str, About("EKS's id, `a-` and 17 characters.")]
    tags: Pairs
    createdAt: Time | None
    modifiedAt: Time | None
    ownerArn: Annotated[str | None, About("The add-on that owns the association.")]
    disableSessionTags: Annotated[bool | None, About("null is the API's own default, which is false.")]
    targetRoleArn: Annotated[str | None, About("The role assumed from the first one.")]
    externalId: Annotated[str | None, About("What EKS sends as sts:ExternalId to the target role.")]
    policy: Annotated[str | None, About("The session policy, as JSON text.")]


class AssociationListDocument(TypedDict):
    """`podid list`. With `-o jsonl` each item is a line."""

    kind: Literal["AssociationList"]
    clusterName: str
    items: Sequence[AssociationBody]


class AssociationDocument(AssociationBody):
    """`podid show`: EKS's PodIdentityAssociation, and what the role's trust policy says to it."""

    kind: Literal["Association"]
    trust: Annotated[TrustBody | None, About("null where the role does not exist or may not be read.")]
