"""What a command needs to be allowed, as the policies that grant it (`--show-permissions`)."""

from dataclasses import dataclass
from typing import TypeVar

from podid.render.view import Document, Json, View, document

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Permissions:
    """`iam` are actions; `cluster_rules` and `namespace_rules` are (apiGroup, resource, verbs) of a ClusterRole and a
    Role. `optional` rights serve only what their reason says, can be abused, and are never granted by default.
    """

    iam: tuple[str, ...] = ()
    cluster_rules: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    namespace_rules: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    optional: tuple[tuple[str, str], ...] = ()

    def __or__(self, other: "Permissions") -> "Permissions":
        return Permissions(
            _merged(self.iam, other.iam),
            _merged(self.cluster_rules, other.cluster_rules),
            _merged(self.namespace_rules, other.namespace_rules),
            _merged(self.optional, other.optional),
        )

    def view(self, command: str) -> View:
        from podid.render.formats import to_json, to_yaml

        policy = self._policy()
        manifests = self._manifests()
        body: dict[str, Json] = {
            "command": command,
            "iamPolicy": policy,
            "kubernetes": list(manifests),
            "optional": [{"permission": name, "for": reason} for name, reason in self.optional],
        }
        parts = [f"# IAM policy for podid {command}\n{to_json(policy)}"] if self.iam else []
        parts += [f"---\n{to_yaml(manifest)}" for manifest in manifests]
        parts += [f"# optional: {name}, {reason}\n" for name, reason in self.optional]
        return View(
            document("Permissions", body),
            text="".join(parts) or f"podid {command} needs no permissions.\n",
            names=self.iam,
        )

    def _policy(self) -> Document:
        pass_role = "iam:PassRole"
        plain = sorted(action for action in self.iam if action != pass_role)
        statements: list[Json] = []
        if plain:
            statements.append({"Effect": "Allow", "Action": list(plain), "Resource": "*"})
        if pass_role in self.iam:
            statements.append(
                {
                    "Effect": "Allow",
                    "Action": pass_role,
                    "Resource": "*",
                    "Condition": {"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}},
                }
            )
        return {"Version": "2012-10-17", "Statement": statements}

    def _manifests(self) -> tuple[Document, ...]:
        found = []
        for kind, rules in (("ClusterRole", self.cluster_rules), ("Role", self.namespace_rules)):
            if rules:
                found.append(_role_manifest(kind, rules))
        return tuple(found)


def _role_manifest(kind: str, rules: tuple[tuple[str, str, tuple[str, ...]], ...]) -> Document:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "podid"},
        "rules": [
            {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)} for group, resource, verbs in rules
        ],
    }


def _merged(left: tuple[T, ...], right: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*left, *right)))
