"""What a command needs to be allowed, as the policies that grant it (`--show-permissions`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from podid.domain.encoding import JsonObject
from podid.domain.members import About, Document, From, PolicyObject
from podid.domain.rights import CommandRights, KubeRight, OptionalRight, Rights
from podid.render.formats import to_json, to_yaml
from podid.render.view import View, document

PASS_ROLE = "iam:PassRole"


GrantedPolicy = Annotated[PolicyObject | None, About("null where nothing of AWS is needed: IAM takes no empty policy.")]


class ManifestList(Document):
    """For `kubectl apply -f -`."""

    api_version: Annotated[Literal["v1"], From(lambda _: "v1")]
    kind: Annotated[Literal["List"], From(lambda _: "List")]
    items: Annotated[Sequence[Annotated[Mapping[str, object], About("A Role or ClusterRole.")]], From("")]


@dataclass(frozen=True, slots=True)
class Grant:
    """What grants some rights: `iam_policy` is None where nothing of AWS is needed."""

    iam_policy: JsonObject | None
    manifests: list[JsonObject]

    @classmethod
    def of(cls, rights: Rights, name: str, namespace: str = "") -> Self:
        """`name` is that of its Role."""
        return cls(policy_of(rights), manifests_of(rights, name, namespace))


@dataclass(frozen=True, slots=True)
class OptionalGrant:
    """The same of rights that only one flag or one closer look needs."""

    permission: str
    reason: str
    grant: Grant

    @classmethod
    def of(cls, item: OptionalRight, name: str, namespace: str = "") -> Self:
        permission = ", ".join((*item.rights.iam, *map(str, item.rights.kubernetes)))
        return cls(permission, item.reason, Grant.of(item.rights, name, namespace))


class GrantBody(Document):
    iam_policy: GrantedPolicy
    kubernetes: Annotated[ManifestList, From("manifests")]


class OptionalRightBody(Document):
    permission: str
    for_: Annotated[str, From("reason"), About("What it serves: a flag, or a closer look.")]
    iam_policy: Annotated[GrantedPolicy, From("grant.iam_policy")]
    kubernetes: Annotated[ManifestList, From("grant.manifests")]


class PermissionsDocument(Document, kind="Permissions"):
    """Any command with `--show-permissions`."""

    command: str
    iam_policy: GrantedPolicy
    kubernetes: Annotated[ManifestList, From("manifests")]
    optional: Annotated[Sequence[OptionalRightBody], About("Granted only on purpose.")]


def permissions_view(command: str, rights: CommandRights) -> View:
    """Each optional right has a policy and a Role of its own, so that it can be granted or left out by itself."""
    name = "-".join(("podid", *command.split()))
    grant = Grant.of(rights.always, name)
    names = role_names(name, [item.rights for item in rights.optional])
    optional = [OptionalGrant.of(item, own) for item, own in zip(rights.optional, names, strict=True)]
    policy = grant.iam_policy
    lines = [] if policy is None else [f"# IAM policy for podid {command}", *to_json(policy).splitlines()]
    lines += yaml_lines(grant.manifests)
    lines += [f"# optional: {item.permission}, {item.reason}" for item in optional]
    body = document(PermissionsDocument, grant, command=command, optional=optional)
    return View(body, lines=tuple(lines or [f"podid {command} needs no permissions."]), names=rights.always.iam)


def yaml_lines(manifests: Iterable[JsonObject]) -> list[str]:
    """For `kubectl apply -f -`."""
    return [line for manifest in manifests for line in ("---", *to_yaml(manifest).splitlines())]


def role_names(name: str, optional: Iterable[Rights]) -> list[str]:
    """Of the Role of each: after the right that is why it is optional, with a number where another has that name."""
    found: list[str] = []
    for rights in optional:
        decisive = next((right for right in rights.kubernetes if right.namespaced), next(iter(rights.kubernetes), ""))
        own = f"{name}-{decisive}".replace(" ", "-").replace("/", "-")
        found.append(f"{own}-{len(found) + 1}" if own in found else own)
    return found


def policy_of(rights: Rights) -> JsonObject | None:
    """None where nothing of AWS is needed: IAM refuses a policy without a statement."""
    plain = [action for action in rights.iam if action != PASS_ROLE]
    statements: list[JsonObject] = [{"Effect": "Allow", "Action": plain, "Resource": "*"}] if plain else []
    if PASS_ROLE in rights.iam:
        # a role that whoever has the right can give to pods, and to nothing else
        for_pods: JsonObject = {"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}}
        statements.append({"Effect": "Allow", "Action": PASS_ROLE, "Resource": "*", "Condition": for_pods})
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def manifests_of(rights: Rights, name: str, namespace: str = "") -> list[JsonObject]:
    """What reads, as a ClusterRole, which can be bound in one namespace too; the rest as a Role."""
    kinds = {
        "ClusterRole": [right for right in rights.kubernetes if not right.namespaced],
        "Role": [right for right in rights.kubernetes if right.namespaced],
    }
    own: dict[str, JsonObject] = {"ClusterRole": {}, "Role": {"namespace": namespace} if namespace else {}}
    return [_manifest(kind, {"name": name, **own[kind]}, wanted) for kind, wanted in kinds.items() if wanted]


def _manifest(kind: str, metadata: JsonObject, rights: list[KubeRight]) -> JsonObject:
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
