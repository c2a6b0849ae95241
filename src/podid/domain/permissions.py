"""What an operation needs to be allowed: IAM actions, and Kubernetes verbs on resources.

A gateway's method carries its own rights (`@needs(...)`); what a command needs is the sum over the operations that it
may call, so that `--show-permissions` cannot drift from the calls.
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
        """Whether it belongs in a Role rather than a ClusterRole: all that changes something, or mints a token."""
        return self.verb not in ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Permissions:
    """IAM actions and Kubernetes rights, each once, sorted."""

    iam: tuple[str, ...] = ()
    kubernetes: tuple[KubePermission, ...] = ()

    def __or__(self, other: "Permissions") -> "Permissions":
        return Permissions(tuple(sorted({*self.iam, *other.iam})), tuple(sorted({*self.kubernetes, *other.kubernetes})))

    def __bool__(self) -> bool:
        return bool(self.iam or self.kubernetes)


Need = str | KubePermission | Callable[..., Any]


def needs(*permissions: Need) -> Callable[[F], F]:
    """Mark a gateway's method with the permissions that it may need, whatever its arguments: `"eks:DescribeCluster"`,
    `KubePermission("", "pods", "list")`, or another method, for all that it needs. A call that everybody may make has
    none."""

    def mark(method: F) -> F:
        method.__permissions__ = permissions_of(permissions)  # type: ignore[attr-defined]
        return method

    return mark


def permissions_of(operations: Iterable[Need]) -> Permissions:
    """The sum over the operations; AttributeError for one that is not marked."""
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
    """Rights that only one flag or one closer look needs, or that can be abused: never granted by default."""

    permissions: Permissions
    reason: str

    @classmethod
    def of(cls, reason: str, *operations: Need) -> "OptionalPermission":
        return cls(permissions_of(operations), reason)


@dataclass(frozen=True, slots=True)
class CommandPermissions:
    """What a command needs in every case, and what some of its ways need on top."""

    always: Permissions = Permissions()
    optional: tuple[OptionalPermission, ...] = ()

    @classmethod
    def of(cls, *operations: Need, optional: tuple[OptionalPermission, ...] = ()) -> "CommandPermissions":
        return cls(permissions_of(operations), optional)


@dataclass(frozen=True, slots=True)
class AccessReview:
    """What the API server says of a right of the caller's own; `allowed` is None where it could not tell."""

    allowed: bool | None
    reason: str = ""


# --- the caller's own ------------------------------------------------------------------------------------------------

Outcome = Literal["held", "missing", "denied", "unknown"]

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
_OF_THE_CLUSTER = {
    *("eks:DescribeCluster", "eks:CreateAddon", "eks:ListAddons", "eks:ListNodegroups", "eks:ListAccessEntries"),
    *("eks:CreatePodIdentityAssociation", "eks:ListPodIdentityAssociations", "eks:DescribeUpdate"),
    "eks-auth:AssumeRoleForPodIdentity",
}
_OF_NOTHING = {"eks:ListClusters", "eks:DescribeAddonVersions", "eks:DescribeAddonConfiguration"}
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
_NOT_OF_A_ROLE = {"iam:ListRoles", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetInstanceProfile"}

NOT_SIMULATED = (
    "session policies, conditions in policies of the organization, and policies for single roles or associations: "
    "each right was asked for all of them"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPermission:
    """Whether the caller has a right: what is `missing` can be granted; what is `denied` a denial, a boundary or the
    organization takes away, whatever is granted. `permission` is what would tell what is unknown. `where` is the
    resource that an action was asked for, or the namespace of a verb; empty for the whole cluster."""

    permission: Annotated[str | KubePermission, AS_TEXT, About("An IAM action, or a Kubernetes verb and resource.")]
    outcome: Annotated[Outcome, About("missing can be granted; denied is taken away whatever is granted.")]
    where: Annotated[str, OR_NULL, About("The resource or the namespace that it was asked for; null for all.")] = ""
    reason: TextOrNull = ""
    needs: Annotated[str, OR_NULL, About("The permission that podid needs to check this one.")] = ""

    @property
    def held(self) -> bool:
        return self.outcome == "held"


@dataclass(frozen=True, slots=True)
class OwnOptional:
    """What only one of the commands' ways needs, and which."""

    reason: str
    permissions: tuple[OwnPermission, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPermissions:
    """The caller's rights for `commands`. `principal_arn` is whose policies were simulated, empty for nobody's;
    `namespace` where what changes something was asked for, empty for all."""

    commands: tuple[str, ...]
    caller_arn: str
    principal_arn: str
    cluster: str
    namespace: str
    always: tuple[OwnPermission, ...]
    optional: tuple[OwnOptional, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """Of the rights that the commands need in every case."""
        outcomes = {item.outcome for item in self.always}
        if outcomes & {"missing", "denied"}:
            return ExitCode.ATTENTION
        return ExitCode.UNDETERMINED if "unknown" in outcomes else ExitCode.OK

    def count(self, outcome: Outcome) -> int:
        return sum(item.outcome == outcome for item in self.always)


def missing_of(permissions: Iterable[OwnPermission]) -> Permissions:
    """What has to be granted."""
    lacking = [item.permission for item in permissions if item.outcome == "missing"]
    return Permissions(
        tuple(sorted(permission for permission in lacking if isinstance(permission, str))),
        tuple(sorted(permission for permission in lacking if isinstance(permission, KubePermission))),
    )


def resource_of(action: str, cluster: Arn) -> str:
    """What the action is done to, in the words of a policy: the cluster, all roles of its account, all of its
    associations. `*` for what has no resource, and where no cluster is known."""
    role = f"arn:{cluster.partition}:iam::{cluster.account}:role/*"
    if action.startswith("iam:"):
        return "*" if action in _NOT_OF_A_ROLE else role
    if not action.startswith(("eks:", "eks-auth:")) or action in _OF_NOTHING or not cluster.resource_name:
        return "*"
    if action in _OF_THE_CLUSTER:
        return str(cluster)
    kinds = {"Addon": "addon", "Nodegroup": "nodegroup", "AccessEntry": "access-entry"}
    kind = next((kind for word, kind in kinds.items() if action.endswith(word)), "podidentityassociation")
    rest = "*" if kind in ("podidentityassociation", "access-entry") else "*/*"
    parts = (cluster.partition, "eks", cluster.region, cluster.account)
    return str(Arn(*parts, f"{kind}/{cluster.resource_name}/{rest}"))
