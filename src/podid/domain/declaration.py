"""A declaration: the desired roles and associations of one file (`kind: PodIdentity`).

Every part has its position in the file, so that a plan, a conflict and a refusal can name the line. Comparisons ignore
positions: two files with the same content are equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from podid.domain.iam import DEFAULT_SESSION_SECONDS
from podid.domain.names import ServiceAccountRef, is_pattern
from podid.domain.trust import OwnCondition, ScopeKind

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
