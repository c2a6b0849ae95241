"""What a command needs to be allowed, as the policies that grant it (`--show-permissions`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.domain.rights import CommandRights, KubeRight, OptionalRight, Rights
from podid.render.formats import to_json, to_yaml
from podid.render.view import Document, View, document

if TYPE_CHECKING:
    from podid.render.documents import tool as documents

PASS_ROLE = "iam:PassRole"


def permissions_view(command: str, rights: CommandRights) -> View:
    """Each optional right has a policy and a Role of its own, so that it can be granted or left out by itself."""
    name = "-".join(("podid", *command.split()))
    policy, manifests = policy_of(rights.always), manifests_of(rights.always, name)
    optional = [optional_of(item, name) for item in rights.optional]
    body: documents.PermissionsDocument = {
        "kind": "Permissions",
        "command": command,
        "iamPolicy": policy,
        "kubernetes": manifest_list(manifests),
        "optional": optional,
    }
    lines = [] if policy is None else [f"# IAM policy for podid {command}", *to_json(policy).splitlines()]
    lines += yaml_lines(manifests)
    lines += [f"# optional: {item['permission']}, {item['for']}" for item in optional]
    return View(
        document(body), lines=tuple(lines or [f"podid {command} needs no permissions."]), names=rights.always.iam
    )


def yaml_lines(manifests: list[Document]) -> list[str]:
    """For `kubectl apply -f -`."""
    return [line for manifest in manifests for line in ("---", *to_yaml(manifest).splitlines())]


def optional_of(item: OptionalRight, name: str, namespace: str = "") -> documents.OptionalRightBody:
    rights = item.rights.kubernetes
    # the one that is why it is optional gives the Role its name
    decisive = next((right for right in rights if right.namespaced), rights[0] if rights else "")
    slug = str(decisive).replace(" ", "-").replace("/", "-")
    return {
        "permission": ", ".join((*item.rights.iam, *map(str, rights))),
        "for": item.reason,
        "iamPolicy": policy_of(item.rights),
        "kubernetes": manifest_list(manifests_of(item.rights, f"{name}-{slug}", namespace)),
    }


def policy_of(rights: Rights) -> Document | None:
    """None where nothing of AWS is needed: IAM refuses a policy without a statement."""
    plain = [action for action in rights.iam if action != PASS_ROLE]
    statements: list[Document] = [{"Effect": "Allow", "Action": plain, "Resource": "*"}] if plain else []
    if PASS_ROLE in rights.iam:
        # a role that whoever has the right can give to pods, and to nothing else
        for_pods: Document = {"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}}
        statements.append({"Effect": "Allow", "Action": PASS_ROLE, "Resource": "*", "Condition": for_pods})
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def manifests_of(rights: Rights, name: str, namespace: str = "") -> list[Document]:
    """What reads, as a ClusterRole, which can be bound in one namespace too; the rest as a Role."""
    kinds = {
        "ClusterRole": [right for right in rights.kubernetes if not right.namespaced],
        "Role": [right for right in rights.kubernetes if right.namespaced],
    }
    own: dict[str, Document] = {"ClusterRole": {}, "Role": {"namespace": namespace} if namespace else {}}
    return [_manifest(kind, {"name": name, **own[kind]}, wanted) for kind, wanted in kinds.items() if wanted]


def _manifest(kind: str, metadata: Document, rights: list[KubeRight]) -> Document:
    verbs: dict[tuple[str, str], list[str]] = {}
    for right in rights:
        verbs.setdefault((right.group, right.resource), []).append(right.verb)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": metadata,
        "rules": [
            {"apiGroups": [group], "resources": [resource], "verbs": each} for (group, resource), each in verbs.items()
        ],
    }


def manifest_list(manifests: list[Document]) -> documents.ManifestList:
    """What `kubectl apply -f -` takes as one document."""
    return {"apiVersion": "v1", "kind": "List", "items": manifests}
