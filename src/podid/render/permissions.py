"""Who calls and where commands would work; what a command needs to be allowed, as the policies that grant it
(`--show-permissions`); and what of it the caller has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from podid.domain.encoding import JsonObject, encode
from podid.domain.members import OR_NULL, About, ArnText, Document, From, Names, PolicyObject, TextOrNull
from podid.domain.own_rights import NOT_SIMULATED, Outcome, OwnOptional, OwnRight, OwnRights, missing_of
from podid.domain.plan import WhoAndWhere
from podid.domain.rights import CommandRights, KubeRight, OptionalRight, Rights
from podid.domain.text import count_of
from podid.render.formats import to_json, to_yaml
from podid.render.view import NOTHING, Line, Table, View, columns, document, facts


def whoami_view(found: WhoAndWhere) -> View:
    pairs = [
        ("caller", found.caller_arn),
        ("account", f"{found.account}  ({found.credentials_source})"),
        ("region", f"{found.region}  ({found.region_source})"),
        ("cluster", f"{found.cluster}  ({found.cluster_source})" if found.cluster else f"none: {found.no_cluster}"),
        ("context", found.context or "none"),
        ("kubeconfig", ", ".join(found.kubeconfig) or "none"),
    ]
    return View(document(WhoAndWhere, found), lines=tuple(facts(pairs)), names=(found.caller_arn,))


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


_STYLES: dict[Outcome, str] = {"held": "good", "missing": "bad", "denied": "bad", "unknown": "warn"}
_COLUMNS = columns("RIGHT", "OUTCOME", "FOR", "WHERE", "REASON")


def own_rights_view(found: OwnRights) -> View:
    """What would grant the missing ones is called otherwise than what --show-permissions prints: applied, it takes
    nothing away."""
    name = "-".join(("podid", *(word for command in found.commands for word in command.split()), "missing"))
    missing = Grant.of(missing_of(found.always), name, found.namespace)
    roles = role_names(name, [missing_of(item.rights) for item in found.optional])
    optional = [
        encode(OwnOptionalBody, item, missing=_optional(item, own, found.namespace))
        for item, own in zip(found.optional, roles, strict=True)
    ]
    body = document(RightsReportDocument, found, optional=optional, missing=missing)
    lines = [*_head(found), *_lines(item for item in found.always if item.reason)]
    if missing.iam_policy is not None:
        lines += ["", "# IAM policy that grants what is missing", *to_json(missing.iam_policy).splitlines()]
    if missing.manifests:
        lines += ["", "# Kubernetes Roles that grant what is missing", *yaml_lines(missing.manifests)]
    if ways := [line for way in found.optional for line in _way(way)]:
        lines += ["", "only for some ways:", *ways]
    lines += ["", f"not looked at: {NOT_SIMULATED}"]
    rows = [("", item) for item in found.always]
    rows += [(way.reason, item) for way in found.optional for item in way.rights]
    cells = tuple((str(r.right), r.outcome, way or NOTHING, r.where or NOTHING, r.reason or NOTHING) for way, r in rows)
    names = tuple(str(item.right) for item in found.always if item.outcome in ("missing", "denied"))
    return View(body, (Table(_COLUMNS, cells),), names, tuple(lines))


def _head(found: OwnRights) -> list[str | Line]:
    what = " and ".join(f"podid {command}" for command in found.commands)
    where = f", cluster {found.cluster}" if found.cluster else ""
    told = [f"{found.count(word)} {word}" for word in _STYLES if word != "held" and found.count(word)]
    head: list[str | Line] = [f"{found.caller_arn} for {what}{where}"]
    if found.principal_arn not in ("", found.caller_arn):
        head.append(f"simulated: {found.principal_arn}")
    return [*head, f"{count_of(len(found.always), 'right')}: {', '.join(told) or 'none missing'}"]


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
    missing: Annotated[OptionalRightBody | None, About("What grants it; null where nothing is missing.")]


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
    missing: Annotated[GrantBody, About("What grants what is missing of `rights`.")]
    not_seen: Annotated[str, From(lambda _: NOT_SIMULATED)]
