"""What a command needs to be allowed, as the policies that grant it (`--show-permissions`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.domain.rights import CommandRights, KubeRight, Rights
from podid.render.view import Document, Json, View, document

if TYPE_CHECKING:
    from podid.render.documents import tool as documents


def permissions_view(command: str, rights: CommandRights) -> View:
    from podid.render.formats import to_json, to_yaml

    policy = _policy(rights.always)
    manifests = _manifests(rights.always)
    optional = [(_words(item.rights), item.reason) for item in rights.optional]
    body: documents.PermissionsDocument = {
        "kind": "Permissions",
        "command": command,
        "iamPolicy": policy,
        "kubernetes": manifests,
        "optional": [{"permission": words, "for": reason} for words, reason in optional],
    }
    parts = [f"# IAM policy for podid {command}\n{to_json(policy)}"] if rights.always.iam else []
    parts += [f"---\n{to_yaml(manifest)}" for manifest in manifests]
    parts += [f"# optional: {words}, {reason}\n" for words, reason in optional]
    return View(
        document(body),
        text="".join(parts) or f"podid {command} needs no permissions.\n",
        names=rights.always.iam,
    )


def _words(rights: Rights) -> str:
    return ", ".join((*rights.iam, *map(str, rights.kubernetes)))


def _policy(rights: Rights) -> Document:
    pass_role = "iam:PassRole"
    plain = [action for action in rights.iam if action != pass_role]
    statements: list[Json] = []
    if plain:
        statements.append({"Effect": "Allow", "Action": list(plain), "Resource": "*"})
    if pass_role in rights.iam:
        statements.append(
            {
                "Effect": "Allow",
                "Action": pass_role,
                "Resource": "*",
                "Condition": {"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}},
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}


def _manifests(rights: Rights) -> tuple[Document, ...]:
    found = []
    for kind, wanted in (("ClusterRole", False), ("Role", True)):
        rules = [right for right in rights.kubernetes if right.namespaced is wanted]
        if rules:
            found.append(_role_manifest(kind, rules))
    return tuple(found)


def _role_manifest(kind: str, rights: list[KubeRight]) -> Document:
    verbs: dict[tuple[str, str], list[str]] = {}
    for right in rights:
        verbs.setdefault((right.group, right.resource), []).append(right.verb)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "podid"},
        "rules": [
            {"apiGroups": [group], "resources": [resource], "verbs": list(each)}
            for (group, resource), each in verbs.items()
        ],
    }
