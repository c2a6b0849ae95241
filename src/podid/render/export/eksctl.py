"""A ClusterConfig of eksctl with the associations.

https://docs.aws.amazon.com/eks/latest/eksctl/pod-identity-associations.html. A row that names an existing role cannot
have permissions; eksctl cannot import roles.
"""

from __future__ import annotations

from collections.abc import Iterator

from podid.domain.encoding import Json
from podid.domain.iam import DEFAULT_SESSION_SECONDS
from podid.ops.export.live import LiveIdentities, LiveRole
from podid.render.export.parts import FormText, association_members, head, renamed
from podid.render.formats import to_yaml

_KEYS = {"serviceAccount": "serviceAccountName", "roleArn": "roleARN", "targetRoleArn": "targetRoleARN"}


def write(identities: LiveIdentities) -> FormText:
    rows = [renamed(association_members(item), _KEYS) for item in identities.associations]
    config: dict[str, Json] = {
        "apiVersion": "eksctl.io/v1alpha5",
        "kind": "ClusterConfig",
        "metadata": {"name": identities.cluster.name, "region": identities.cluster.region},
        "iam": {"podIdentityAssociations": rows},
    }
    notes = (*identities.notes, *(note for role in identities.roles for note in _of_role(role)))
    how = "eksctl cannot adopt existing associations; it can create these in another cluster."
    return FormText(head(identities, "ClusterConfig of eksctl", how, notes=notes) + to_yaml(config), notes)


def _of_role(role: LiveRole) -> Iterator[str]:
    detail = role.role
    parts = [
        "trust policy",
        *(["path"] if detail.path != "/" else []),
        *(["description"] if detail.description else []),
        *(["maximum session duration"] if detail.max_session_seconds != DEFAULT_SESSION_SECONDS else []),
        *(["permissions boundary"] if detail.permissions_boundary_arn else []),
        *([f"inline policies {', '.join(role.inline)}"] if role.inline else []),
        *([f"managed policies {', '.join(role.attached)}"] if role.attached else []),
        *(["tags"] if role.tags else []),
    ]
    yield f"role {role.name} is only referenced: eksctl cannot express its {', '.join(parts)}"
