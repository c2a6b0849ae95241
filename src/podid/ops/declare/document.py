"""Read one declaration from a document."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from podid.domain import declaration, names, option, trust
from podid.domain.encoding import members_of
from podid.domain.errors import InvalidInput, PodidError
from podid.domain.iam import DEFAULT_SESSION_SECONDS
from podid.domain.patterns import check_policy_pattern, check_role_pattern
from podid.domain.trust import ScopeKind
from podid.local.documents import DocumentNode, Mistakes, NotReadable, read_documents
from podid.ops.declare.objects import Members
from podid.ops.options import SCOPES
from podid.ops.role.policies import policy_mistakes, policy_name, session_policy_text, trust_mistakes
from podid.ops.role.presets import parse_choice
from podid.ops.role.request import check_description, check_path, check_role_tag, check_session_seconds, check_tag_text

# metadata.name becomes a tag value and a part of names
_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_PATTERN = re.compile(r"[a-z0-9.*?-]+")
_PLACE = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class DocumentSource:
    """The file of a document. `missing` collects sentences about policy files that do not exist."""

    name: str
    mistakes: Mistakes
    read_file: Callable[[str], str]
    missing: list[str]

    def members(self, node: DocumentNode, path: str, *parts: type) -> Members:
        known = dict.fromkeys(member.key for part in parts for member in members_of(part))
        return Members(node, path, tuple(known), self.mistakes)


def read_declaration(node: DocumentNode, source: DocumentSource, *, named: bool = True) -> declaration.Declaration:
    """Return the declaration of a document and collect its mistakes. `named` is whether it requires a name."""
    top = source.members(node, "", declaration.DeclarationFile)
    places = dict(top.places)
    name, owner_key = "", declaration.OWNER_KEY
    if "metadata" in top.members:
        metadata = source.members(top.members["metadata"], "metadata", declaration.MetadataPart)
        name = metadata.text("name", _check_owner, required=named)
        places["metadata.name"] = metadata.members["name"].at if metadata.has("name") else metadata.at
    elif named:
        top.wrong("metadata", "is required: specify metadata: {name: NAME}")
    if top.has("owner"):
        owner = source.members(top.members["owner"], "owner", declaration.OwnerPart)
        owner_key = owner.text("key", _check_tag_key, default=declaration.OWNER_KEY, required=True)
    roles = tuple(_role(item, key, source, owner_key) for item, key in top.items("roles"))
    associations = tuple(_association(item, key, source, owner_key) for item, key in top.items("associations"))
    _check_once(associations, source)
    return declaration.Declaration(
        at=node.at,
        places=places,
        name=name,
        owner_key=owner_key,
        clusters=tuple(_cluster(item, key, source) for item, key in top.items("clusters")),
        agent=_agent(top.members["agent"], source) if top.has("agent") else None,
        allowed_roles=top.texts("allowedRoles", check_role_pattern),
        guard=_guard(top.members["guard"], source) if top.has("guard") else None,
        roles=roles,
        associations=associations,
    )


def _check_owner(text: str) -> None:
    if not _OWNER.fullmatch(text):
        raise InvalidInput(f"{text!r} is not a name: letters, digits, '.', '_' and '-', at most 128 characters")


def _check_tag_key(text: str) -> None:
    if len(text) > 128 or text.lower().startswith("aws:"):
        raise InvalidInput(f"{text!r} is not a tag key: at most 128 characters, no aws: prefix")
    check_tag_text(text, "the tag key")


def _cluster(node: DocumentNode, key: str, source: DocumentSource) -> declaration.ClusterChoice:
    if isinstance(node.value, dict):
        members = source.members(node, key, declaration.ClusterChoice)
        tags = members.pairs("tags")
        if not members.objects("tags"):
            members.wrong("tags", "is required: specify a name, an ARN or tags: {KEY: VALUE}")
        return declaration.ClusterChoice(at=node.at, tags=tags)
    try:
        text = node.text
        (names.parse_cluster_arn if text.startswith("arn:") else names.check_cluster_name)(text)
    except (NotReadable, InvalidInput) as error:
        source.mistakes.add(node.at, error.message if isinstance(error, InvalidInput) else str(error), key)
        return declaration.ClusterChoice(at=node.at)
    return declaration.ClusterChoice(at=node.at, name=text)


def _agent(node: DocumentNode, source: DocumentSource) -> declaration.DeclaredAgent:
    members = source.members(node, "agent", declaration.DeclaredAgent)
    configuration = members.document("configuration")
    return declaration.DeclaredAgent(
        at=node.at,
        places=members.places,
        version=members.text("version"),
        configuration=configuration[0] if configuration is not None else None,
    )


def _guard(node: DocumentNode, source: DocumentSource) -> declaration.Guard:
    members = source.members(node, "guard", declaration.Guard)
    # a refusal names the line of the rule, not that of its value
    places = {key: node.keys[key] for key in members.members if key in node.keys}

    def patterns(key: str, check: Callable[[str], object]) -> tuple[str, ...] | None:
        return members.texts(key, check) if members.has(key) else None

    scopes = None
    if members.has("allowedScopes"):
        texts = members.texts("allowedScopes", lambda text: option.one_of("the scope", text, SCOPES))
        scopes = tuple(ScopeKind(text) for text in texts if text in SCOPES)
    return declaration.Guard(
        at=node.at,
        places=places,
        allowed_roles=patterns("allowedRoles", check_role_pattern),
        allowed_policies=patterns("allowedPolicies", check_policy_pattern),
        allowed_scopes=scopes,
        required_boundary=members.text("requiredBoundary"),
        required_tags=members.pairs("requiredTags"),
        default_accounts=members.flag("defaultAccounts", default=True),
    )


def _role(node: DocumentNode, path: str, source: DocumentSource, owner_key: str) -> declaration.DeclaredRole:
    members = source.members(node, path, declaration.DeclaredRole)
    if members.has("trust"):
        for name in ("scope", "subjects", "conditions"):
            if members.has(name):
                members.wrong(name, "cannot be used together with trust, which is the whole trust policy")
    policies = tuple(_policy(item, key, source) for item, key in members.items("policies"))
    _check_policies(policies, members)
    scope = members.text("scope", lambda text: option.one_of("the scope", text, SCOPES))
    return declaration.DeclaredRole(
        at=node.at,
        places=members.places,
        name=members.text("name", names.check_role_name, required=True),
        path=members.text("path", check_path, default="/"),
        scope=ScopeKind(scope or "service-account"),
        subjects=names.ServiceAccountRef.parse_all(members.texts("subjects", names.ServiceAccountRef.parse)),
        conditions=trust.parse_conditions(members.texts("conditions", lambda text: trust.parse_conditions((text,)))),
        trust=_document(members, "trust", _wrong_in_trust),
        policies=policies,
        boundary=members.text("boundary", names.check_managed_policy),
        max_session_seconds=_session_seconds(members),
        description=members.text("description", check_description),
        # IAM does not distinguish tag keys by case, EKS does
        tags=_tags(members, owner_key, check_role_tag, str.lower),
    )


def _tags(
    members: Members,
    owner_key: str,
    check: Callable[[str, str], object] = option.check_tag,
    compared: Callable[[str], str] = str,
) -> dict[str, str]:
    tags = members.pairs("tags", check)
    first = {compared(owner_key): owner_key}
    for key in tags:
        earlier = first.setdefault(compared(key), key)
        if earlier == owner_key:
            message = f"podid sets the tag {owner_key}, from metadata.name"
        elif earlier != key:
            message = f"is the same key as {earlier}: IAM does not distinguish tag keys by case"
        else:
            continue
        node = members.members["tags"]
        members.mistakes.add(node.keys.get(key, node.at), message, members.key(f"tags.{key}"))
    if len(tags) >= option.MOST_TAGS:  # podid adds that of the owner
        members.wrong("tags", f"has {len(tags)} tags: at most {option.MOST_TAGS - 1} are possible besides {owner_key}")
    return tags


def _session_seconds(members: Members) -> int:
    def read(node: DocumentNode) -> int:
        if isinstance(node.value, str) and node.plain and node.value.isdecimal():
            return check_session_seconds(str(node.number), "the duration")
        return check_session_seconds(node.text, "the duration")

    return members.read("maxSessionDuration", read, DEFAULT_SESSION_SECONDS)


def _wrong_in_trust(document: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    try:
        yield from trust_mistakes(trust.parse_policy(document))
    except trust.TrustPolicyError as error:
        yield error.place, error.mistake


# the member that each kind of policy requires
_POLICIES = {
    "document": declaration.InlinePolicy,
    "file": declaration.PolicyFile,
    "managed": declaration.PolicyReference,
    "preset": declaration.PresetPolicy,
}


def _policy(node: DocumentNode, path: str, source: DocumentSource) -> declaration.DeclaredPolicy:
    members, mistaken = (
        source.members(node, path, *_POLICIES.values()),
        declaration.PolicyReference(at=node.at, managed=""),
    )
    kinds = [kind for kind in _POLICIES if members.has(kind)]
    if len(kinds) != 1:
        words = "only one of" if kinds else "one of"
        members.mistakes.add(members.at, f"requires {words} {', '.join(kinds or _POLICIES)}", path)
        return mistaken
    (kind,) = kinds
    if kind in ("managed", "preset") and members.has("name"):
        members.wrong("name", f"cannot be used together with {kind}, which determines the name")
    if members.has("parameters") and kind != "preset":
        members.wrong("parameters", f"cannot be used together with {kind}: only a preset has parameters")
    name = members.text("name", _check_policy_name, required=kind == "document")
    at, places = node.at, members.places
    match kind:
        case "document":
            return declaration.InlinePolicy(at=at, places=places, name=name, document=_document(members, kind))
        case "managed":
            return declaration.PolicyReference(
                at=at, places=places, managed=members.text(kind, names.check_managed_policy)
            )
        case "preset":
            preset = members.text(kind)
            policy = declaration.PresetPolicy(at=at, places=places, preset=preset, parameters=_parameters(members))
            _check_preset(policy, members)
            return policy
    file = members.text(kind)
    if not file:
        return mistaken
    document = _from_file(file, members, source)
    return declaration.PolicyFile(at=at, places=places, file=file, name=name or policy_name(file), document=document)


def _check_policy_name(text: str) -> None:
    if not _POLICY_NAME.fullmatch(text):
        raise InvalidInput(f"{text!r} is not the name of an inline policy: 1 to 128 letters, digits and any of _+=,.@-")


def _document(
    members: Members,
    name: str,
    wrong: Callable[[Mapping[str, object]], Iterable[tuple[str, str]]] = policy_mistakes,
) -> Mapping[str, object] | None:
    """Return a policy, by default a permissions policy, and collect its mistakes at their lines."""
    parsed = members.document(name)
    if parsed is None:
        return None
    document, node = parsed
    for place, mistake in wrong(document):
        # such as `Statement[0].Condition`
        at = node.find(int(number) if number else key for key, number in _PLACE.findall(place)).at
        members.mistakes.add(at, f"{place} {mistake}" if place else mistake, members.key(name))
    return document


def _from_file(file: str, members: Members, source: DocumentSource) -> Mapping[str, object] | None:
    """Read a policy file, whose path is relative to the file that names it."""
    path = file if source.name == "stdin" else str(PurePath(source.name).parent / file)
    if not os.path.lexists(path):
        at = members.members["file"].at
        source.missing.append(f"{at}: {members.key('file')}: file {path} does not exist")
        return None
    nodes = read_documents(source.read_file(path), path, source.mistakes)
    if len(nodes) != 1:
        if not any(mistake.at.file == path for mistake in source.mistakes.items):
            members.wrong("file", f"{path} must have one policy document; it has {len(nodes)}")
        return None
    inner = Members(DocumentNode({"file": nodes[0]}, nodes[0].at), members.path, ("file",), source.mistakes)
    return _document(inner, "file")


def _parameters(members: Members) -> dict[str, tuple[str, ...]]:
    parameters: dict[str, tuple[str, ...]] = {}
    for key, node in members.objects("parameters").items():
        at = members.key(f"parameters.{key}")
        items = node.value if isinstance(node.value, tuple) else (node,)
        parameters[key] = tuple(members.value(item, at, lambda node: node.text, "") for item in items)
    return parameters


def _check_preset(policy: declaration.PresetPolicy, members: Members) -> None:
    if not policy.preset:
        return
    try:
        parse_choice(policy.choice)
    except PodidError as error:
        name, advice = members.key("preset"), f" {error.advice}" if error.advice else ""
        at = members.members["preset"].at
        for key, node in members.objects("parameters").items():
            if f"parameter {key}" in error.message:
                name, at = members.key(f"parameters.{key}"), node.at
        members.mistakes.add(at, f"{error.message}.{advice}" if advice else error.message, name)


def _check_policies(policies: tuple[declaration.DeclaredPolicy, ...], members: Members) -> None:
    """Collect policies that appear twice."""
    policies_by_name: dict[str, declaration.DeclaredPolicy] = {}
    for number, policy in enumerate(policies):
        first = policies_by_name.setdefault(str(policy), policy)
        if first is not policy and str(policy):
            message = f"the policy {policy} appears twice, first in line {first.at.line}"
            members.mistakes.add(policy.at, message, members.key(f"policies[{number}]"))


def _association(
    node: DocumentNode, path: str, source: DocumentSource, owner_key: str
) -> declaration.DeclaredAssociation:
    members = source.members(node, path, declaration.DeclaredAssociation)
    account = members.text("serviceAccount", _check_account, required=True)
    namespace, _, name = account.partition("/")
    role = members.text("role", names.check_role, required=True)
    target = members.text("targetRole", names.parse_role_arn)
    if target and target == role:
        members.wrong("targetRole", "is the role of the association itself: omit it")
    session_tags = members.flag("sessionTags", default=True)
    create = members.flag("createServiceAccount", default=False)
    selector = members.text("selector")
    if create and (selector or names.is_pattern(account)):
        members.wrong("createServiceAccount", "cannot be used together with a pattern or a selector")
    policy = ""
    session_policy = _document(members, "sessionPolicy")
    if session_policy is not None:
        if session_tags:
            members.wrong(
                "sessionPolicy", "requires sessionTags: false: EKS accepts no session policy with session tags"
            )
        policy = members.read("sessionPolicy", lambda _: session_policy_text(session_policy, "the session policy"), "")
    return declaration.DeclaredAssociation(
        at=node.at,
        places=members.places,
        namespace=namespace,
        name=name,
        selector=selector,
        role=role,
        target_role=target,
        session_tags=session_tags,
        session_policy=policy,
        tags=_tags(members, owner_key),
        create_service_account=create,
    )


def _check_account(text: str) -> None:
    """Raise InvalidInput for text that is neither NAMESPACE/NAME nor a pattern of both."""
    if not names.is_pattern(text):
        names.ServiceAccountRef.parse(text)
        return
    namespace, slash, name = text.partition("/")
    if not slash or "/" in name or not _PATTERN.fullmatch(namespace) or not _PATTERN.fullmatch(name):
        raise InvalidInput(f"{text!r} is not NAMESPACE/NAME; patterns may contain * and ?")
    why = "" if names.is_pattern(namespace) else names.wrong_namespace(namespace)
    why = why or ("" if names.is_pattern(name) else names.wrong_account_name(name))
    if why:
        raise InvalidInput(why)


def _check_once(associations: tuple[declaration.DeclaredAssociation, ...], source: DocumentSource) -> None:
    by_account: dict[tuple[str, str], declaration.DeclaredAssociation] = {}
    for number, item in enumerate(associations):
        first = by_account.setdefault((item.service_account, item.selector), item)
        if item.name and first is not item:
            message = f"{item.service_account} appears twice, first in line {first.at.line}"
            source.mistakes.add(item.at, message, f"associations[{number}].serviceAccount")
