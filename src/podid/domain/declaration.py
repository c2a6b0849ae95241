"""A declaration: the desired roles and associations of one file (`kind: PodIdentity`), and the limits of a
guard for roles, trust policies and associations. A plan is checked against these before it changes anything, and `podid
audit` checks the identities that exist.

Every part has its position in the file, so that a plan, a conflict and a refusal can name the line. Comparisons ignore
positions: two files with the same content are equal.

The fields are the members of the file: `podid.ops.declare.document` reads them, and podid prints them and generates the
JSON Schema of the file from their annotations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from podid.domain.iam import DEFAULT_SESSION_SECONDS
from podid.domain.members import HIDDEN, OPTIONAL, OR_NULL, About, As, Document, From, Key, members, schema_name
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef, is_pattern
from podid.domain.patterns import matches_any
from podid.domain.trust import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG, OwnCondition, ScopeKind, Statement
from podid.domain.trust.conditions import Condition

# `kind` of the file
DECLARATION_KIND = "PodIdentity"
OWNER_KEY = "podid:owner"
# the tag of an adopted role: the fingerprints of the statements of its trust policy that others wrote before
KEPT_KEY = "podid:kept-statements"
# a pattern matches no service account in these, unless it names the namespace
GUARDED_NAMESPACES = ("default", "kube-system")
# a pattern matches no service account of this name, unless it spells it out
DEFAULT_ACCOUNT = "default"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file. Line and column begin at 1; 0 is the file as a whole."""

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


NOWHERE = Position()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A part of a file. `at` is its beginning, `places` the positions of its members by key."""

    at: Annotated[Position, HIDDEN] = field(default=NOWHERE, compare=False)
    places: Annotated[Mapping[str, Position], HIDDEN] = field(default_factory=dict, compare=False)

    def place(self, key: str) -> Position:
        """Return the position of a member; of the part itself if the member is omitted."""
        return self.places.get(key, self.at)


def _policy_object(text: str) -> object:
    """Return a policy as an object; text that is none is returned unchanged."""
    try:
        document = json.loads(text)
    except ValueError:
        return text
    return document if isinstance(document, Mapping) else text


ScopeWord = Literal["service-account", "namespace", "cluster", "account"]
Text = Annotated[str, OPTIONAL]
Pairs = Annotated[Mapping[str, str], OPTIONAL]
Tags = Annotated[Pairs, About("Tags by key. podid sets the tag of the owner itself.")]
Patterns = Annotated[tuple[str, ...] | None, As(Sequence[str]), OPTIONAL]
# the file may also have its JSON text
Policy = Annotated[Mapping[str, object] | None, As(Mapping[str, object] | str)]
_TEXTS = As(Sequence[str], lambda values: list(map(str, values)))


@schema_name("ClusterTags", "All clusters of the region with these tags.")
@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterChoice(Declared):
    """Clusters of a file: one by name or ARN, or all of the region that have these tags."""

    name: Annotated[str, HIDDEN] = ""
    tags: Annotated[Mapping[str, str], About("Tags by key.")] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name or " and ".join(f"{key}={value}" for key, value in self.tags.items())


@schema_name("AgentPart", "The agent add-on.")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredAgent(Declared):
    version: Annotated[Text, About("Version of the add-on, or latest; any version by default.")] = ""
    configuration: Annotated[
        Mapping[str, object] | None, As(Mapping[str, object]), OPTIONAL, About("Configuration values of the add-on.")
    ] = None


@schema_name("InlinePart", "An inline policy.")
@dataclass(frozen=True, slots=True, kw_only=True)
class InlinePolicy(Declared):
    name: Annotated[str, About("Name of the inline policy.")]
    document: Annotated[Policy, About("The policy, or its JSON text.")]

    def __str__(self) -> str:
        return self.name


@schema_name("FilePart", "An inline policy from a file.")
@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile(Declared):
    """`document` is the content of the file."""

    file: Annotated[str, About("Path of the policy, relative to the file that names it.")]
    name: Annotated[Text, About("Name of the inline policy; derived from the path by default.")] = ""
    document: Annotated[Mapping[str, object] | None, HIDDEN] = None

    def __str__(self) -> str:
        return self.name


@schema_name("ManagedPart", "A managed policy.")
@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReference(Declared):
    managed: Annotated[str, About("ARN of a managed policy, or the name of an AWS managed policy.")]

    def __str__(self) -> str:
        return self.managed and f"managed {self.managed}"


def _one_or_list(parameters: Mapping[str, Sequence[str]]) -> dict[str, object]:
    return {key: values[0] if len(values) == 1 else values for key, values in parameters.items()}


@schema_name("PresetPart", "A policy of podid preset list.")
@dataclass(frozen=True, slots=True, kw_only=True)
class PresetPolicy(Declared):
    preset: Annotated[str, About("Name of the preset.")]
    parameters: Annotated[
        Mapping[str, tuple[str, ...]],
        As(Mapping[str, str | Sequence[str]], _one_or_list),
        OPTIONAL,
        About("Values of the preset's parameters, by name."),
    ] = field(default_factory=dict)

    @property
    def choice(self) -> str:
        """Return the preset as `NAME,KEY=VALUE…`, as options write it."""
        pairs = (f"{key}={value}" for key, values in self.parameters.items() for value in values)
        return ",".join((self.preset, *pairs))

    def __str__(self) -> str:
        return self.preset and f"preset {self.choice}"


DeclaredPolicy = InlinePolicy | PolicyFile | PolicyReference | PresetPolicy


@schema_name("RolePart", "An IAM role. A member that is omitted has its default.")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredRole(Declared):
    name: str
    path: Annotated[Text, About("Path of the role; / by default.")] = "/"
    scope: Annotated[
        ScopeKind, As(ScopeWord), OPTIONAL, About("The scope of the trust policy, if it is wider than the subjects.")
    ] = ScopeKind.SERVICE_ACCOUNT
    subjects: Annotated[
        tuple[ServiceAccountRef, ...],
        _TEXTS,
        OPTIONAL,
        About("Service accounts that may assume the role; by default those of the file's associations."),
    ] = ()
    conditions: Annotated[
        tuple[OwnCondition, ...],
        _TEXTS,
        OPTIONAL,
        About("Further conditions of the trust policy, each as [OPERATOR:]KEY=VALUE."),
    ] = ()
    trust: Annotated[Policy, OPTIONAL, About("A whole trust policy, instead of scope, subjects and conditions.")] = None
    policies: Annotated[tuple[DeclaredPolicy, ...], OPTIONAL, About("All permissions policies of the role.")] = ()
    boundary: Annotated[
        Text, About("Permissions boundary: the ARN of a managed policy, or the name of an AWS managed policy.")
    ] = ""
    max_session_seconds: Annotated[
        int, Key("maxSessionDuration"), As(int | str), OPTIONAL, About("Seconds, or text such as 2h; 3600 by default.")
    ] = DEFAULT_SESSION_SECONDS
    description: Text = ""
    tags: Tags = field(default_factory=dict)


@schema_name(
    "AssociationPart",
    "The association of a service account, or of all that match a pattern. A member that is omitted has its default.",
)
@members("service_account selector role target_role session_tags session_policy tags create_service_account")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredAssociation(Declared):
    """`session_policy` is compact JSON; empty for none."""

    namespace: str
    name: str
    selector: Annotated[Text, About("Label selector of the service accounts that match the pattern.")] = ""
    role: Annotated[str, About("Name of a role in the file, or name or ARN of an existing role.")]
    target_role: Annotated[Text, About("ARN of the role that the first role assumes.")] = ""
    session_tags: Annotated[bool, OPTIONAL, About("Whether EKS adds session tags; true by default.")] = True
    session_policy: Annotated[
        str,
        As(Mapping[str, object] | str, _policy_object),
        OPTIONAL,
        About("Session policy, or its JSON text. It requires sessionTags: false."),
    ] = ""
    tags: Tags = field(default_factory=dict)
    create_service_account: Annotated[
        bool, OPTIONAL, About("Whether podid creates the service account if it does not exist.")
    ] = False

    @property
    def service_account(self) -> Annotated[str, About("NAMESPACE/NAME. Both may be patterns with * and ?.")]:
        """Return the service account, or the pattern, as the file writes it."""
        return f"{self.namespace}/{self.name}"

    @property
    def ref(self) -> ServiceAccountRef | None:
        """Return the service account; None for patterns and selectors."""
        several = self.selector or is_pattern(self.namespace) or is_pattern(self.name)
        return None if several else ServiceAccountRef(self.namespace, self.name)


# the key of a rule, and why it forbids something
Breach = tuple[str, str]


@schema_name("GuardPart", "The limits of every change. A member that is omitted permits everything.")
@dataclass(frozen=True, slots=True, kw_only=True)
class Guard(Declared):
    """The limits for changes. None permits everything; an empty list permits nothing."""

    allowed_roles: Annotated[Patterns, About("Patterns of names, paths or ARNs of roles.")] = None
    allowed_policies: Annotated[Patterns, About("Patterns of names, paths or ARNs of policies.")] = None
    allowed_scopes: Annotated[
        tuple[ScopeKind, ...] | None, As(Sequence[ScopeWord]), OPTIONAL, About("Scopes of trust policies.")
    ] = None
    required_boundary: Annotated[
        str, OPTIONAL, About("Permissions boundary that each role must have: a name or an ARN.")
    ] = ""
    required_tags: Annotated[Pairs, About("Patterns of values, by the key of the tag.")] = field(default_factory=dict)
    default_accounts: Annotated[bool, OPTIONAL, About("Whether service accounts named default may have a role.")] = True

    def roles_breach(self, arns: Iterable[str]) -> Iterator[Breach]:
        return _not_allowed("allowedRoles", "role", arns, self.allowed_roles)

    def policies_breach(self, policies: Iterable[str]) -> Iterator[Breach]:
        """Yield violations by a role's policies: ARNs of managed policies and names of inline ones."""
        return _not_allowed("allowedPolicies", "policy", policies, self.allowed_policies)

    def scopes_breach(self, statements: Iterable[Statement]) -> Iterator[Breach]:
        """Yield violations by the statements that allow pods to assume the role."""
        for statement in statements if self.allowed_scopes is not None else ():
            if _for_pods(statement) and (scope := scope_of(statement)) not in (self.allowed_scopes or ()):
                yield "allowedScopes", f"scope {scope} of the trust policy is not allowed"

    def boundary_breach(self, boundary: str) -> Iterator[Breach]:
        required = self.required_boundary
        if required and required not in (boundary, boundary.rpartition("/")[2]):
            yield "requiredBoundary", f"the permissions boundary {required} is required"

    def tags_breach(self, tags: Mapping[str, str]) -> Iterator[Breach]:
        for key, pattern in self.required_tags.items():
            if key not in tags or not fnmatchcase(tags[key], pattern):
                yield "requiredTags", f"the tag {key}={pattern} is required"

    def accounts_breach(self, accounts: Iterable[str]) -> Iterator[Breach]:
        """Yield violations by a role's number of service accounts. `accounts` are the names of those with an
        association."""
        if not self.default_accounts and DEFAULT_ACCOUNT in accounts:
            yield "defaultAccounts", "associations of the default service account are not allowed"


def _not_allowed(key: str, kind: str, names: Iterable[str], patterns: tuple[str, ...] | None) -> Iterator[Breach]:
    for whole in names if patterns is not None else ():
        if not matches_any(patterns or (), whole):
            yield key, f"{kind} {whole.rpartition('/')[2]} is not allowed"


def _for_pods(statement: Statement) -> bool:
    return statement.lets_assume and any(value in (PODS_PRINCIPAL, "*") for _, value in statement.principals)


def scope_of(statement: Statement) -> ScopeKind:
    """Return the scope by the keys for which the statement requires one value without wildcards."""
    names = [
        condition.name
        for condition in statement.conditions
        if _requires_value(condition) and len(set(condition.values)) == 1 and not set("*?") & set(condition.values[0])
    ]
    cluster = any(key in names for key in ("aws:sourcearn", "aws:requesttag/eks-cluster-arn"))
    namespace = NAMESPACE_TAG.lower() in names
    if cluster and namespace:
        return ScopeKind.SERVICE_ACCOUNT if SERVICE_ACCOUNT_TAG.lower() in names else ScopeKind.NAMESPACE
    if cluster:
        return ScopeKind.CLUSTER
    return ScopeKind.ACCOUNT if "aws:sourceaccount" in names else ScopeKind.ANY


def _requires_value(condition: Condition) -> bool:
    """Return whether only a request with the condition's value matches. EKS always sends the source of the request, but
    no session tags for an association without them."""
    sent = not condition.if_exists or condition.name.startswith("aws:source")
    return condition.selects and condition.known and condition.family != "null" and sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration(Declared):
    """One document of a file. `name` is `metadata.name`, the owner of everything that podid creates from it. Without
    `clusters` the command selects the cluster. `allowed_roles` limits the roles that annotations of service accounts
    may name. `notes` are facts of another program's file that a declaration cannot express."""

    name: str
    owner_key: str = OWNER_KEY
    clusters: tuple[ClusterChoice, ...] = ()
    agent: DeclaredAgent | None = None
    allowed_roles: tuple[str, ...] = ()
    guard: Guard | None = None
    roles: tuple[DeclaredRole, ...] = ()
    associations: tuple[DeclaredAssociation, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def owner_tag(self) -> dict[str, str]:
        """Return the tag of everything that podid creates from this declaration."""
        return {self.owner_key: self.name}


class MetadataPart(Document):
    """The name of the file's content."""

    name: Annotated[str, About("Name of the owner of everything that podid creates from the file.")]


class OwnerPart(Document):
    """The mark of ownership."""

    key: Annotated[
        str, From("owner_key"), About("Key of the tag with metadata.name as its value; the default is podid:owner.")
    ]


class DeclarationFile(Document):
    """A file of podid plan, apply and diff: roles and associations as they must be."""

    api_version: Literal["podid/v1"]
    kind: Literal["PodIdentity"]
    metadata: Annotated[MetadataPart, From("")]
    owner: Annotated[OwnerPart, OPTIONAL, From(lambda file: file if file.owner_key != OWNER_KEY else None)]
    clusters: Annotated[
        Sequence[str | ClusterChoice],
        OR_NULL,
        OPTIONAL,
        From(lambda file: [choice.name or choice for choice in file.clusters]),
        About("Clusters by name, ARN or tags; by default that of the command."),
    ]
    agent: Annotated[DeclaredAgent, OPTIONAL]
    allowed_roles: Annotated[
        Sequence[str], OR_NULL, OPTIONAL, About("Patterns of names, paths or ARNs of roles for annotations.")
    ]
    guard: Annotated[Guard, OPTIONAL]
    roles: Annotated[Sequence[DeclaredRole], OR_NULL, OPTIONAL]
    associations: Annotated[Sequence[DeclaredAssociation], OR_NULL, OPTIONAL]
