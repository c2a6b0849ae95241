"""The permissions of an operation: IAM actions, and Kubernetes verbs on resources.

A gateway's method declares its permissions (`@needs(...)`). A command requires those of all operations that it may
call, so `--show-permissions` is always in line with the calls.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from podid.domain.errors import ExitCode
from podid.domain.members import AS_TEXT, OR_NULL, About, TextOrNull
from podid.domain.names import Arn

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, order=True)
class KubePermission:
    """One verb on one resource, as RBAC names them: `KubePermission("apps", "deployments", "patch")`."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"

    @property
    def namespaced(self) -> bool:
        """Return whether it belongs in a Role instead of a ClusterRole: if it changes something or creates a token."""
        return self.verb not in ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Permissions:
    """IAM actions and Kubernetes permissions, each once, sorted."""

    iam: tuple[str, ...] = ()
    kubernetes: tuple[KubePermission, ...] = ()

    def __or__(self, other: "Permissions") -> "Permissions":
        return Permissions(tuple(sorted({*self.iam, *other.iam})), tuple(sorted({*self.kubernetes, *other.kubernetes})))

    def __bool__(self) -> bool:
        return bool(self.iam or self.kubernetes)


Need = str | KubePermission | Callable[..., Any]


def needs(*permissions: Need) -> Callable[[F], F]:
    """Mark a gateway's method with the permissions that it may require for any arguments: `"eks:DescribeCluster"`,
    `KubePermission("", "pods", "list")`, or another method, for its permissions. A call that is always allowed has
    none."""

    def mark(method: F) -> F:
        method.__permissions__ = permissions_of(permissions)  # type: ignore[attr-defined]
        return method

    return mark


def permissions_of(operations: Iterable[Need]) -> Permissions:
    """Return the permissions of all operations. Raise AttributeError for one that is not marked."""
    total = Permissions()
    for operation in operations:
        if isinstance(operation, str):
            total |= Permissions(iam=(operation,))
        elif isinstance(operation, KubePermission):
            total |= Permissions(kubernetes=(operation,))
        else:
            total |= operation.__permissions__  # type: ignore[attr-defined]
    return total


@dataclass(frozen=True, slots=True)
class OptionalPermission:
    """Permissions that only a flag or a detail requires, or that can be abused: not granted by default."""

    permissions: Permissions
    reason: str

    @classmethod
    def of(cls, reason: str, *operations: Need) -> "OptionalPermission":
        return cls(permissions_of(operations), reason)


# of a command: names of groups, or a reason with the operations
OptionalNeed = str | tuple[str, str]


def optional_words(reason: str, permissions: str) -> str:
    """Return a line about optional permissions. `reason` is PURPOSE or OPTION: PURPOSE, and may end with '; NOTE'."""
    purpose, semicolon, note = reason.partition("; ")
    name, colon, detail = purpose.partition(": ")
    return f"optional, for {name}{f' ({detail})' if colon else ''}: {permissions}{semicolon}{note}"


@dataclass(frozen=True, slots=True)
class CommandPermissions:
    """The permissions that a command always requires, and the additional ones of some of its flags."""

    always: Permissions = Permissions()
    optional: tuple[OptionalPermission, ...] = ()

    @classmethod
    def of(cls, *operations: Need, optional: tuple[OptionalPermission, ...] = ()) -> "CommandPermissions":
        return cls(permissions_of(operations), optional)


@dataclass(frozen=True, slots=True)
class AccessReview:
    """The API server's review of one of the caller's permissions; `allowed` is None if it could not decide."""

    allowed: bool | None
    reason: str = ""


Outcome = Literal["held", "missing", "denied", "unknown"]

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
_OF_THE_CLUSTER = {
    *("eks:DescribeCluster", "eks:CreateAddon", "eks:ListAddons", "eks:ListNodegroups", "eks:ListAccessEntries"),
    *("eks:CreatePodIdentityAssociation", "eks:ListPodIdentityAssociations", "eks:DescribeUpdate"),
    *("eks:ListInsights", "eks:DescribeInsight"),
    "eks-auth:AssumeRoleForPodIdentity",
}
_OF_NOTHING = {"eks:ListClusters", "eks:DescribeAddonVersions", "eks:DescribeAddonConfiguration"}
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
_NOT_OF_A_ROLE = {
    *("iam:ListRoles", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetInstanceProfile"),
    *("iam:GetServiceLastAccessedDetails", "iam:GetAccountSummary", "iam:GetAccountAuthorizationDetails"),
    "iam:ListOpenIDConnectProviders",
}

NOT_SIMULATED = (
    "session policies, conditions in policies of the organization, and policies for single roles or associations: "
    "each permission was checked for all of them"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPermission:
    """A permission of the caller. `missing` can be granted; `denied` is denied by a Deny statement, a boundary
    or the organization, whatever is granted. `needs` is the permission that podid requires to check an unknown one.
    `where` is the resource of an action, or the namespace of a verb, empty for the whole cluster."""

    permission: Annotated[str | KubePermission, AS_TEXT, About("An IAM action, or a Kubernetes verb and resource.")]
    outcome: Annotated[Outcome, About("missing can be granted; denied is denied whatever is granted.")]
    where: Annotated[str, OR_NULL, About("The resource or the namespace that was checked; null for all.")] = ""
    reason: TextOrNull = ""
    needs: Annotated[str, OR_NULL, About("The permission that podid needs to check this one.")] = ""

    @property
    def held(self) -> bool:
        return self.outcome == "held"


@dataclass(frozen=True, slots=True)
class OwnOptional:
    """The permissions that only some flags of the commands require, and the reason."""

    reason: str
    permissions: tuple[OwnPermission, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPermissions:
    """The caller's permissions for `commands`. `principal_arn` is the principal whose policies were simulated, empty if
    none were. `namespace` is that of -n, empty for all namespaces."""

    commands: tuple[str, ...]
    caller_arn: str
    principal_arn: str
    cluster: str
    namespace: str
    always: tuple[OwnPermission, ...]
    optional: tuple[OwnOptional, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code, from the permissions that the commands always require."""
        outcomes = {item.outcome for item in self.always}
        if outcomes & {"missing", "denied"}:
            return ExitCode.ATTENTION
        return ExitCode.UNDETERMINED if "unknown" in outcomes else ExitCode.OK

    def count(self, outcome: Outcome) -> int:
        return sum(item.outcome == outcome for item in self.always)


def missing_of(permissions: Iterable[OwnPermission]) -> Permissions:
    """Return the permissions to grant."""
    lacking = [item.permission for item in permissions if item.outcome == "missing"]
    return Permissions(
        tuple(sorted(permission for permission in lacking if isinstance(permission, str))),
        tuple(sorted(permission for permission in lacking if isinstance(permission, KubePermission))),
    )


def resource_of(action: str, cluster: Arn) -> str:
    """Return the resource of an action, as in a policy: the cluster, all roles of its account, all its associations.
    `*` for an action without a resource, and if no cluster is known."""
    role = f"arn:{cluster.partition}:iam::{cluster.account}:role/*"
    if action.endswith("OpenIDConnectProvider"):
        return role.replace(":role/", ":oidc-provider/")
    if action.startswith("iam:"):
        return "*" if action in _NOT_OF_A_ROLE else role
    if not action.startswith(("eks:", "eks-auth:")) or action in _OF_NOTHING or not cluster.resource_name:
        return "*"
    if action in _OF_THE_CLUSTER:
        return str(cluster)
    kinds = {
        "Addon": "addon",
        "Nodegroup": "nodegroup",
        "AccessEntry": "access-entry",
        "AccessPolicies": "access-entry",
    }
    kind = next((kind for word, kind in kinds.items() if action.endswith(word)), "podidentityassociation")
    suffix = "*" if kind in ("podidentityassociation", "access-entry") else "*/*"
    parts = (cluster.partition, "eks", cluster.region, cluster.account)
    return str(Arn(*parts, f"{kind}/{cluster.resource_name}/{suffix}"))
