"""A declaration: the desired roles and associations of one file (`kind: PodIdentity`), and the limits of a
guard for roles, trust policies and associations. A plan is checked against these before it changes anything, and `podid
audit` checks the identities that exist.

Every part has its position in the file, so that a plan, a conflict and a refusal can name the line. Comparisons ignore
positions: two files with the same content are equal.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from podid.domain.iam import DEFAULT_SESSION_SECONDS
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef, is_pattern
from podid.domain.trust import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG, OwnCondition, ScopeKind, Statement
from podid.domain.trust.conditions import Condition

# `kind` of the file
DECLARATION_KIND = "PodIdentity"
OWNER_KEY = "podid:owner"
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

    at: Position = field(default=NOWHERE, compare=False)
    places: Mapping[str, Position] = field(default_factory=dict, compare=False)

    def place(self, key: str) -> Position:
        """Return the position of a member; of the part itself if the member is omitted."""
        return self.places.get(key, self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterChoice(Declared):
    """Clusters of a file: one by name or ARN, or all of the region that have these tags."""

    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name or " and ".join(f"{key}={value}" for key, value in self.tags.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredAgent(Declared):
    """The agent add-on: `version` is empty for any, or `latest`. `configuration` is None for any."""

    version: str = ""
    configuration: Mapping[str, object] | None = None


class PolicySource(StrEnum):
    """The source of a role's policy; the words are its keys in the file."""

    DOCUMENT = "document"
    FILE = "file"
    MANAGED = "managed"
    PRESET = "preset"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredPolicy(Declared):
    """One policy of a role. DOCUMENT and FILE have `name` and `document`, FILE also its path as `value`. MANAGED has
    the name or ARN of the managed policy as `value`. PRESET has its name as `value`, and `parameters`."""

    source: PolicySource
    value: str = ""
    name: str = ""
    document: Mapping[str, object] | None = None
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def choice(self) -> str:
        """Return the preset as `NAME,KEY=VALUE…`, as options write it."""
        pairs = (f"{key}={value}" for key, values in self.parameters.items() for value in values)
        return ",".join((self.value, *pairs))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredRole(Declared):
    """A role. `subjects` are the service accounts that its trust policy allows; empty for those whose associations in
    the file name the role. `trust` is a whole trust policy instead. `boundary` is a managed policy's name or ARN."""

    name: str
    path: str = "/"
    scope: ScopeKind = ScopeKind.SERVICE_ACCOUNT
    subjects: tuple[ServiceAccountRef, ...] = ()
    conditions: tuple[OwnCondition, ...] = ()
    trust: Mapping[str, object] | None = None
    policies: tuple[DeclaredPolicy, ...] = ()
    boundary: str = ""
    max_session_seconds: int = DEFAULT_SESSION_SECONDS
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredAssociation(Declared):
    """The associations of one service account, or of all that match patterns (`*`, `?`) and labels. `role` is a name of
    the file, or the name or ARN of a role that exists. `session_policy` is compact JSON; empty for none."""

    namespace: str
    name: str
    selector: str = ""
    role: str
    target_role: str = ""
    session_tags: bool = True
    session_policy: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    create_service_account: bool = False

    @property
    def service_account(self) -> str:
        """Return the service account, or the pattern, as the file writes it."""
        return f"{self.namespace}/{self.name}"

    @property
    def ref(self) -> ServiceAccountRef | None:
        """Return the service account; None for patterns and selectors."""
        several = self.selector or is_pattern(self.namespace) or is_pattern(self.name)
        return None if several else ServiceAccountRef(self.namespace, self.name)


# the key of a rule, and why it forbids something
Breach = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard(Declared):
    """The limits for changes. None permits everything. Roles and policies are patterns, matched against names and
    ARNs. `required_boundary` is a managed policy's name or ARN; `required_tags` map keys to patterns of values."""

    allowed_roles: tuple[str, ...] | None = None
    allowed_policies: tuple[str, ...] | None = None
    allowed_scopes: tuple[ScopeKind, ...] | None = None
    required_boundary: str = ""
    required_tags: Mapping[str, str] = field(default_factory=dict)
    default_accounts: bool = True

    def roles_breach(self, arns: Iterable[str]) -> Iterator[Breach]:
        return _not_allowed("allowedRoles", "role", arns, self.allowed_roles)

    def policies_breach(self, policies: Iterable[str]) -> Iterator[Breach]:
        """Yield violations by a role's policies: ARNs of managed policies and names of inline ones."""
        return _not_allowed("allowedPolicies", "policy", policies, self.allowed_policies)

    def scopes_breach(self, statements: Iterable[Statement]) -> Iterator[Breach]:
        """Yield violations by the statements that allow pods to assume the role."""
        for statement in statements if self.allowed_scopes is not None else ():
            if _for_pods(statement) and (scope := _scope_of(statement)) not in (self.allowed_scopes or ()):
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
        name = whole.rpartition("/")[2]
        if not any(fnmatchcase(text, pattern) for text in (whole, name) for pattern in patterns or ()):
            yield key, f"{kind} {name} is not allowed"


def _for_pods(statement: Statement) -> bool:
    return statement.lets_assume and any(value in (PODS_PRINCIPAL, "*") for _, value in statement.principals)


def _scope_of(statement: Statement) -> ScopeKind:
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
