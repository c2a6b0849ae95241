"""Who calls and where commands would work; what a command needs to be allowed, as the policies that grant it
(`--show-permissions`); and what of it the caller has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from podid.domain.encoding import JsonObject, encode
from podid.domain.members import OR_NULL, POLICY, About, ArnText, Document, From, Key, Names, TextOrNull, schema_name
from podid.domain.own_rights import NOT_SIMULATED, Outcome, OwnOptional, OwnRight, OwnRights, missing_of
from podid.domain.plan import WhoAndWhere
from podid.domain.rights import CommandRights, KubeRight, OptionalRight, Rights
from podid.domain.text import count_of
from podid.render.formats import to_json, to_yaml
from podid.render.view import NOTHING, Line, Table, View, columns, document, facts


def whoami_view(caller: WhoAndWhere) -> View:
    pairs = [
        ("caller", caller.caller_arn),
        ("account", f"{caller.account}  ({caller.credentials_source})"),
        ("region", f"{caller.region}  ({caller.region_source})"),
        ("cluster", f"{caller.cluster}  ({caller.cluster_source})" if caller.cluster else f"none: {caller.no_cluster}"),
        ("context", caller.context or "none"),
        ("kubeconfig", ", ".join(caller.kubeconfig) or "none"),
    ]
    return View(document(WhoAndWhere, caller), lines=tuple(facts(pairs)), names=(caller.caller_arn,))


PASS_ROLE = "iam:PassRole"


GrantedPolicy = Annotated[
    Annotated[JsonObject, POLICY] | None, About("null where nothing of AWS is needed: IAM takes no empty policy.")
]


@schema_name("ManifestList", "For `kubectl apply -f -`.")
@dataclass(frozen=True, slots=True)
class ManifestList:
    api_version: Literal["v1"] = "v1"
    kind: Literal["List"] = "List"
    items: tuple[Annotated[JsonObject, About("A Role or ClusterRole.")], ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """What grants some rights."""

    iam_policy: GrantedPolicy
    kubernetes: ManifestList

    @classmethod
    def of(cls, rights: Rights, name: str, namespace: str = "") -> Self:
        """`name` is that of its Role."""
        return cls(policy_of(rights), ManifestList(items=tuple(manifests_of(rights, name, namespace))))


@schema_name("OptionalRightBody")
@dataclass(frozen=True, slots=True)
class OptionalGrant:
    """The same of rights that only one flag or one closer look needs."""

    permission: str
    reason: Annotated[str, Key("for"), About("What it serves: a flag, or a closer look.")]
    iam_policy: GrantedPolicy
    kubernetes: ManifestList

    @classmethod
    def of(cls, item: OptionalRight, name: str, namespace: str = "") -> Self:
        permission = ", ".join((*item.rights.iam, *map(str, item.rights.kubernetes)))
        grant = Grant.of(item.rights, name, namespace)
        return cls(permission, item.reason, grant.iam_policy, grant.kubernetes)


class PermissionsDocument(Document, kind="Permissions"):
    """Any command with `--show-permissions`."""

    command: str
    iam_policy: GrantedPolicy
    kubernetes: ManifestList
    optional: Annotated[Sequence[OptionalGrant], About("Granted only on purpose.")]


def permissions_view(command: str, rights: CommandRights) -> View:
    """Each optional right has a policy and a Role of its own, so that it can be granted or left out by itself."""
    name = "-".join(("podid", *command.split()))
    grant = Grant.of(rights.always, name)
    names = role_names(name, [item.rights for item in rights.optional])
    optional = [OptionalGrant.of(item, own) for item, own in zip(rights.optional, names, strict=True)]
    lines = []
    if grant.iam_policy is not None:
        lines = [f"# IAM policy for podid {command}", *to_json(grant.iam_policy).splitlines()]
    lines += yaml_lines(grant.kubernetes.items)
    lines += [f"# optional: {item.permission}, {item.reason}" for item in optional]
    body = document(PermissionsDocument, grant, command=command, optional=optional)
    return View(body, lines=tuple(lines or [f"podid {command} needs no permissions."]), names=rights.always.iam)


def yaml_lines(manifests: Iterable[JsonObject]) -> list[str]:
    """For `kubectl apply -f -`."""
    return [line for manifest in manifests for line in ("---", *to_yaml(manifest).splitlines())]


def role_names(name: str, optional: Iterable[Rights]) -> list[str]:
    """Of the Role of each: after the right that is why it is optional, with a number where another has that name."""
    names: list[str] = []
    for rights in optional:
        decisive = next((right for right in rights.kubernetes if right.namespaced), next(iter(rights.kubernetes), ""))
        own = f"{name}-{decisive}".replace(" ", "-").replace("/", "-")
        names.append(f"{own}-{len(names) + 1}" if own in names else own)
    return names


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


_STYLES: dict[Outcome, str] = {"held": "good", "missing": "bad", "denied": "bad", "unknown": "warn"}
_COLUMNS = columns("RIGHT", "OUTCOME", "FOR", "WHERE", "REASON")


def own_rights_view(rights: OwnRights) -> View:
    """What would grant the missing ones is called otherwise than what --show-permissions prints: applied, it takes
    nothing away."""
    name = "-".join(("podid", *(word for command in rights.commands for word in command.split()), "missing"))
    missing = Grant.of(missing_of(rights.always), name, rights.namespace)
    roles = role_names(name, [missing_of(item.rights) for item in rights.optional])
    optional = [
        encode(OwnOptionalBody, item, missing=_optional(item, own, rights.namespace))
        for item, own in zip(rights.optional, roles, strict=True)
    ]
    body = document(RightsReportDocument, rights, optional=optional, missing=missing)
    lines = [*_head(rights), *_lines(item for item in rights.always if item.reason)]
    if missing.iam_policy is not None:
        lines += ["", "# IAM policy that grants what is missing", *to_json(missing.iam_policy).splitlines()]
    if missing.kubernetes.items:
        lines += ["", "# Kubernetes Roles that grant what is missing", *yaml_lines(missing.kubernetes.items)]
    if ways := [line for way in rights.optional for line in _way(way)]:
        lines += ["", "only for some ways:", *ways]
    lines += ["", f"not looked at: {NOT_SIMULATED}"]
    rows = [("", item) for item in rights.always]
    rows += [(way.reason, item) for way in rights.optional for item in way.rights]
    cells = tuple((str(r.right), r.outcome, way or NOTHING, r.where or NOTHING, r.reason or NOTHING) for way, r in rows)
    names = tuple(str(item.right) for item in rights.always if item.outcome in ("missing", "denied"))
    return View(body, (Table(_COLUMNS, cells),), names, tuple(lines))


def _head(rights: OwnRights) -> list[str | Line]:
    what = " and ".join(f"podid {command}" for command in rights.commands)
    where = f", cluster {rights.cluster}" if rights.cluster else ""
    told = [f"{rights.count(word)} {word}" for word in _STYLES if word != "held" and rights.count(word)]
    head: list[str | Line] = [f"{rights.caller_arn} for {what}{where}"]
    if rights.principal_arn not in ("", rights.caller_arn):
        head.append(f"simulated: {rights.principal_arn}")
    return [*head, f"{count_of(len(rights.always), 'right')}: {', '.join(told) or 'none missing'}"]


def _lines(items: Iterable[OwnRight]) -> Iterator[Line]:
    """One for each, but for what is unknown for the same reason: that is said once."""
    alike: dict[tuple[str, ...], list[OwnRight]] = {}
    for item in items:
        own = () if item.outcome == "unknown" else (str(item.right),)
        alike.setdefault((item.reason, item.permission, *own), []).append(item)
    for first, *others in alike.values():
        told = f" (it takes {first.permission} to know)" if first.permission not in first.reason else ""
        rights = ", ".join(str(item.right) for item in (first, *others))
        yield Line(
            f"{first.outcome:<8} {rights}  {first.reason}{told}", _STYLES[first.outcome], upto=len(first.outcome)
        )


def _way(way: OwnOptional) -> list[str]:
    """Nothing where nothing is missing."""
    lacking = [item for item in way.rights if not item.held]
    outcomes = dict.fromkeys(item.outcome for item in lacking)
    by_outcome = [f"{word} {', '.join(str(i.right) for i in lacking if i.outcome == word)}" for word in outcomes]
    return [f"  {way.reason}: {'; '.join(by_outcome)}"] if lacking else []


def _optional(item: OwnOptional, name: str, namespace: str) -> OptionalGrant | None:
    lacking = missing_of(item.rights)
    return OptionalGrant.of(OptionalRight(lacking, item.reason), name, namespace) if lacking else None


# --- documents --------------------------------------------------------------------------------------------------------


class OwnOptionalBody(Document):
    for_: Annotated[str, From("reason"), About("What it serves: a flag, or a closer look.")]
    rights: Sequence[OwnRight]
    missing: Annotated[OptionalGrant | None, About("What grants it; null where nothing is missing.")]


class RightsSummary(Document):
    held: Annotated[int, From(lambda rights: rights.count("held"))]
    missing: Annotated[int, From(lambda rights: rights.count("missing"))]
    denied: Annotated[int, From(lambda rights: rights.count("denied"))]
    unknown: Annotated[int, From(lambda rights: rights.count("unknown"))]


class RightsReportDocument(Document, kind="RightsReport"):
    """`podid doctor --me`."""

    commands: Names
    caller_arn: ArnText
    principal_arn: Annotated[str, OR_NULL, About("Whose policies IAM simulated; null where it could not.")]
    cluster: TextOrNull
    namespace: Annotated[str, OR_NULL, About("Where what changes something was asked for; null for all.")]
    summary: Annotated[RightsSummary, From(""), About("Of what is needed in every case.")]
    rights: Annotated[Sequence[OwnRight], From("always"), About("Needed in every case.")]
    optional: Annotated[Sequence[OwnOptionalBody], About("Needed by one way of the command; none counts.")]
    missing: Annotated[Grant, About("What grants what is missing of `rights`.")]
    not_seen: Annotated[str, From(lambda _: NOT_SIMULATED)]
