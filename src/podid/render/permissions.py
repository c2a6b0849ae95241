"""The caller and its place; the permissions of a command as policies (`--show-permissions`); and which of them the
caller has (`doctor --me`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from podid.domain.encoding import JsonObject, encode
from podid.domain.grouping import grouped
from podid.domain.members import OR_NULL, POLICY, About, ArnText, Document, From, Key, Names, TextOrNull, schema_name
from podid.domain.permissions import (
    NOT_SIMULATED,
    CommandPermissions,
    KubePermission,
    OptionalPermission,
    Outcome,
    OwnOptional,
    OwnPermission,
    OwnPermissions,
    Permissions,
    missing_of,
    optional_words,
)
from podid.domain.plan import WhoAndWhere
from podid.domain.text import count_of
from podid.render.formats import to_json, to_yaml
from podid.render.view import NOTHING, Line, Table, View, columns, document, facts

# botocore's names that need words
_CREDENTIALS = {"env": "environment variables", "none": "not known"}


def whoami_view(caller: WhoAndWhere) -> View:
    # the context has a line of its own
    short_source = caller.cluster_source.removesuffix(f" {caller.context}")
    missing = caller.no_cluster[:1].lower() + caller.no_cluster[1:]
    pairs = [
        ("caller", caller.caller_arn),
        ("account", f"{caller.account}  ({_CREDENTIALS.get(caller.credentials_source, caller.credentials_source)})"),
        ("profile", f"{caller.profile}  ({caller.profile_source})" if caller.profile else NOTHING),
        ("region", f"{caller.region}  ({caller.region_source})"),
        ("cluster", f"{caller.cluster or 'none'}  ({short_source if caller.cluster else missing})"),
        ("context", f"{caller.context}  ({caller.context_source})" if caller.context else "none"),
        (
            "kubeconfig",
            f"{', '.join(caller.kubeconfig)}  ({caller.kubeconfig_source})" if caller.kubeconfig else "none",
        ),
        *((item.key, f"{item.value}  ({item.source})") for item in caller.defaults),
    ]
    return View(document(WhoAndWhere, caller), lines=tuple(facts(pairs)), names=(caller.caller_arn,), exact=True)


PASS_ROLE = "iam:PassRole"
ADDON_WRITES = frozenset({"eks:CreateAddon", "eks:UpdateAddon"})


GrantedPolicy = Annotated[
    Annotated[JsonObject, POLICY] | None, About("null if no IAM permission is required: IAM refuses an empty policy.")
]


@schema_name("ManifestList", "For `kubectl apply -f -`.")
@dataclass(frozen=True, slots=True)
class ManifestList:
    api_version: Literal["v1"] = "v1"
    kind: Literal["List"] = "List"
    items: tuple[Annotated[JsonObject, About("A Role or ClusterRole.")], ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """The policies that grant some permissions."""

    iam_policy: GrantedPolicy
    kubernetes: ManifestList

    @classmethod
    def of(cls, permissions: Permissions, name: str, namespace: str = "") -> Self:
        return cls(policy_of(permissions), ManifestList(items=tuple(manifests_of(permissions, name, namespace))))


@schema_name("OptionalRightBody")
@dataclass(frozen=True, slots=True)
class OptionalGrant:
    """The policies for permissions that only an option or a further check requires."""

    permission: str
    reason: Annotated[str, Key("for"), About("The option or further check that requires the permissions.")]
    iam_policy: GrantedPolicy
    kubernetes: ManifestList

    @classmethod
    def of(cls, item: OptionalPermission, name: str, namespace: str = "") -> Self:
        permission = ", ".join(dict.fromkeys((*item.permissions.iam, *map(str, item.permissions.kubernetes))))
        grant = Grant.of(item.permissions, name, namespace)
        return cls(permission, item.reason, grant.iam_policy, grant.kubernetes)


class PermissionsDocument(Document, kind="Permissions"):
    """Any command with `--show-permissions`."""

    command: str
    iam_policy: GrantedPolicy
    kubernetes: ManifestList
    optional: Annotated[Sequence[OptionalGrant], About("Permissions that only some options require.")]


def permissions_view(command: str, permissions: CommandPermissions) -> View:
    """Return the policies. Each optional permission has its own policy and Role, so that it can be omitted."""
    name = "-".join(("podid", *command.split()))
    grant = Grant.of(permissions.always, name)
    names = role_names(name, [item.permissions for item in permissions.optional])
    optional = [OptionalGrant.of(item, own) for item, own in zip(permissions.optional, names, strict=True)]
    lines = []
    if grant.iam_policy is not None:
        lines = [f"# IAM policy for podid {command}", *to_json(grant.iam_policy).splitlines()]
    lines += yaml_lines(grant.kubernetes.items)
    lines += [f"# {optional_words(item.reason, item.permission)}" for item in optional]
    body = document(PermissionsDocument, grant, command=command, optional=optional)
    shown = tuple(lines or [f"podid {command} needs no permissions."])
    return View(body, lines=shown, names=permissions.always.iam, exact=True)


def yaml_lines(manifests: Iterable[JsonObject]) -> list[str]:
    """Return YAML for `kubectl apply -f -`."""
    return [line for manifest in manifests for line in ("---", *to_yaml(manifest).splitlines())]


def role_names(name: str, optional: Iterable[Permissions]) -> list[str]:
    """Return a distinct name of the Role for each, after the permission that makes it optional."""
    names: list[str] = []
    for permissions in optional:
        decisive = next(
            (permission for permission in permissions.kubernetes if permission.namespaced),
            next(iter(permissions.kubernetes), ""),
        )
        own = f"{name}-{decisive}".replace(" ", "-").replace("/", "-")
        names.append(f"{own}-{len(names) + 1}" if own in names else own)
    return names


def policy_of(permissions: Permissions) -> JsonObject | None:
    """Return the IAM policy; None without IAM permissions, because IAM refuses a policy without a statement."""
    plain = [action for action in permissions.iam if action != PASS_ROLE]
    statements: list[JsonObject] = [{"Effect": "Allow", "Action": plain, "Resource": "*"}] if plain else []
    if PASS_ROLE in permissions.iam:
        # EKS Pod Identity gets the roles of associations, and EKS the IRSA roles of add-ons
        to_pods, to_eks = "pods.eks.amazonaws.com", "eks.amazonaws.com"
        services = [to_pods, to_eks] if ADDON_WRITES.intersection(plain) else to_pods
        condition: JsonObject = {"StringEquals": {"iam:PassedToService": services}}
        statements.append({"Effect": "Allow", "Action": PASS_ROLE, "Resource": "*", "Condition": condition})
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def manifests_of(permissions: Permissions, name: str, namespace: str = "") -> list[JsonObject]:
    """Return a ClusterRole for reads, which can also be bound in one namespace, and a Role for the rest."""
    kinds = {
        "ClusterRole": [permission for permission in permissions.kubernetes if not permission.namespaced],
        "Role": [permission for permission in permissions.kubernetes if permission.namespaced],
    }
    own: dict[str, JsonObject] = {"ClusterRole": {}, "Role": {"namespace": namespace} if namespace else {}}
    return [_manifest(kind, {"name": name, **own[kind]}, needed) for kind, needed in kinds.items() if needed]


def _manifest(kind: str, metadata: JsonObject, permissions: list[KubePermission]) -> JsonObject:
    by_resource = grouped(((permission.group, permission.resource), permission.verb) for permission in permissions)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": metadata,
        "rules": [
            {"apiGroups": [group], "resources": [resource], "verbs": verbs}
            for (group, resource), verbs in by_resource.items()
        ],
    }


_STYLES: dict[Outcome, str] = {"held": "good", "missing": "bad", "denied": "bad", "unknown": "warn"}
_COLUMNS = columns("RIGHT", "OUTCOME", "FOR", "WHERE", "REASON")


def own_permissions_view(permissions: OwnPermissions) -> View:
    """Return the report. The policies for missing permissions have names of their own, so that applying them does not
    remove permissions that --show-permissions printed."""
    name = "-".join(("podid", *(word for command in permissions.commands for word in command.split()), "missing"))
    missing = Grant.of(missing_of(permissions.always), name, permissions.namespace)
    roles = role_names(name, [missing_of(item.permissions) for item in permissions.optional])
    optional = [
        encode(OwnOptionalBody, item, missing=_optional(item, own, permissions.namespace))
        for item, own in zip(permissions.optional, roles, strict=True)
    ]
    body = document(PermissionReportDocument, permissions, optional=optional, missing=missing)
    lines = [*_head(permissions), *_lines(item for item in permissions.always if item.reason)]
    if missing.iam_policy is not None:
        lines += ["", "# IAM policy that grants the missing permissions", *to_json(missing.iam_policy).splitlines()]
    if missing.kubernetes.items:
        lines += ["", "# Kubernetes Roles that grant the missing permissions", *yaml_lines(missing.kubernetes.items)]
    if ways := [line for way in permissions.optional for line in _way(way)]:
        lines += ["", "Required only for some options:", *ways]
    lines += ["", f"Not checked: {NOT_SIMULATED}"]
    rows = [("", item) for item in permissions.always]
    rows += [(way.reason, item) for way in permissions.optional for item in way.permissions]
    cells = tuple(
        (str(r.permission), r.outcome, way or NOTHING, r.where or NOTHING, r.reason or NOTHING) for way, r in rows
    )
    names = tuple(str(item.permission) for item in permissions.always if item.outcome in ("missing", "denied"))
    gaps = dict.fromkeys(item.reason for item in permissions.always if item.outcome == "unknown" and item.reason)
    unread = tuple(f"not checked: {reason}" for reason in gaps)
    return View(body, (Table(_COLUMNS, cells),), names, tuple(lines), exact=True, unread=unread)


def _head(permissions: OwnPermissions) -> list[str | Line]:
    commands = " and ".join(f"podid {command}" for command in permissions.commands)
    where = f", cluster {permissions.cluster}" if permissions.cluster else ""
    counts = [f"{permissions.count(word)} {word}" for word in _STYLES if word != "held" and permissions.count(word)]
    head: list[str | Line] = [f"{permissions.caller_arn} for {commands}{where}"]
    if permissions.principal_arn not in ("", permissions.caller_arn):
        head.append(f"simulated: {permissions.principal_arn}")
    return [*head, f"{count_of(len(permissions.always), 'permission')}: {', '.join(counts) or 'none missing'}"]


def _lines(items: Iterable[OwnPermission]) -> Iterator[Line]:
    """Yield a line for each permission; permissions that are unknown for the same reason share one."""
    alike = grouped(
        ((item.reason, item.needs, "" if item.outcome == "unknown" else str(item.permission)), item) for item in items
    )
    for first, *others in alike.values():
        needs = f" (checking requires {first.needs})" if first.needs not in first.reason else ""
        permissions = ", ".join(str(item.permission) for item in (first, *others))
        yield Line(
            f"{first.outcome:<8} {permissions}  {first.reason}{needs}", _STYLES[first.outcome], upto=len(first.outcome)
        )


def _way(way: OwnOptional) -> list[str]:
    """Return the missing permissions of an option; none if none is missing."""
    lacking = [item for item in way.permissions if not item.held]
    outcomes = dict.fromkeys(item.outcome for item in lacking)
    by_outcome = [f"{word} {', '.join(str(i.permission) for i in lacking if i.outcome == word)}" for word in outcomes]
    return [f"  {way.reason}: {'; '.join(by_outcome)}"] if lacking else []


def _optional(item: OwnOptional, name: str, namespace: str) -> OptionalGrant | None:
    lacking = missing_of(item.permissions)
    return OptionalGrant.of(OptionalPermission(lacking, item.reason), name, namespace) if lacking else None


class OwnOptionalBody(Document):
    for_: Annotated[str, From("reason"), About("The option or further check that requires the permissions.")]
    permissions: Sequence[OwnPermission]
    missing: Annotated[
        OptionalGrant | None, About("The policies that grant the missing permissions; null if none is missing.")
    ]


class PermissionsSummary(Document):
    held: Annotated[int, From(lambda permissions: permissions.count("held"))]
    missing: Annotated[int, From(lambda permissions: permissions.count("missing"))]
    denied: Annotated[int, From(lambda permissions: permissions.count("denied"))]
    unknown: Annotated[int, From(lambda permissions: permissions.count("unknown"))]


class PermissionReportDocument(Document, kind="PermissionReport"):
    """`podid doctor --me`."""

    commands: Names
    caller_arn: ArnText
    principal_arn: Annotated[
        str, OR_NULL, About("The principal whose policies IAM simulated; null if that was not possible.")
    ]
    cluster: TextOrNull
    namespace: Annotated[
        str, OR_NULL, About("The namespace of -n, in which most Kubernetes permissions were checked; null for all.")
    ]
    summary: Annotated[PermissionsSummary, From(""), About("Counts of the permissions that are always required.")]
    permissions: Annotated[Sequence[OwnPermission], From("always"), About("Always required.")]
    optional: Annotated[Sequence[OwnOptionalBody], About("Required only by some options; not in the summary.")]
    missing: Annotated[Grant, About("The policies that grant the missing permissions of `permissions`.")]
    not_seen: Annotated[str, From(lambda _: NOT_SIMULATED)]
