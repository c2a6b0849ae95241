"""Plans are data: what will change, from which state to which, and who asks for it.

An action names one resource by the keys inside its states; `before` None creates, `after` None deletes, both update.
That one shape is what is shown, journalled, settled after an interruption and undone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

State = Mapping[str, object]


class ResourceKind(StrEnum):
    """What podid changes. The value is the `kind` of an action in JSON and in the journal."""

    ADDON = "addon"
    ROLE = "role"
    ROLE_POLICY = "role-policy"
    ROLE_ATTACHMENT = "role-attachment"
    ROLE_TRUST = "role-trust"
    ASSOCIATION = "association"
    SERVICE_ACCOUNT = "service-account"
    RESTART = "restart"


# the members that name a resource; they are the same before and after
KEYS: dict[ResourceKind, tuple[str, ...]] = {
    ResourceKind.ADDON: ("addonName",),
    ResourceKind.ROLE: ("roleName",),
    ResourceKind.ROLE_POLICY: ("roleName", "policyName"),
    ResourceKind.ROLE_ATTACHMENT: ("roleName", "policyArn"),
    ResourceKind.ROLE_TRUST: ("roleName",),
    ResourceKind.ASSOCIATION: ("namespace", "serviceAccount"),
    ResourceKind.SERVICE_ACCOUNT: ("namespace", "name"),
    ResourceKind.RESTART: ("namespace", "kind", "name"),
}

# IAM is not regional and knows no cluster: these can be settled and undone from any region of the account
ACCOUNT_WIDE = frozenset(
    {ResourceKind.ROLE, ResourceKind.ROLE_POLICY, ResourceKind.ROLE_ATTACHMENT, ResourceKind.ROLE_TRUST}
)


class Verb(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    RESTART = "restart"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Action:
    """One change. States are JSON-able; `note` says why, for the person who reads the plan."""

    kind: ResourceKind
    before: State | None
    after: State | None
    note: str = ""

    @property
    def verb(self) -> Verb:
        if self.kind is ResourceKind.RESTART:
            return Verb.RESTART
        if self.before == self.after:
            return Verb.NONE
        if self.before is None:
            return Verb.CREATE
        return Verb.DELETE if self.after is None else Verb.UPDATE

    @property
    def keys(self) -> dict[str, str]:
        state = self.after if self.after is not None else self.before or {}
        return {key: str(state[key]) for key in KEYS[self.kind]}

    @property
    def target(self) -> str:
        """`shop/orders`, `shop-orders`, `shop-orders/read-table`: how the resource is shown."""
        return "/".join(self.keys.values())

    def inverse(self) -> "Action":
        return replace(self, before=self.after, after=self.before, note="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Who would do it, and where. Every plan is headed by this."""

    caller_arn: str
    account: str
    region: str
    cluster: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`unchanged` lists what was asked for and is already so; `notes` what the reader should know before saying yes."""

    header: Header
    actions: tuple[Action, ...]
    unchanged: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()


class Status(StrEnum):
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one action. `after` is the state that was read back, with what the service added."""

    action: Action
    status: Status
    after: State | None = None
    reason: str = ""


class EffectState(StrEnum):
    """Whether pods get the credentials: proven on real pods, likely by repeated probes, not looked at, or not."""

    PROVEN = "proven"
    LIKELY = "likely"
    UNKNOWN = "unknown"
    NOT_IN_EFFECT = "not-in-effect"


@dataclass(frozen=True, slots=True)
class Effect:
    """`how` says in a sentence what was looked at, or why nothing was."""

    state: EffectState
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """What a change did. `run_id` is what `podid undo` takes; empty when nothing was changed."""

    plan: Plan
    done: tuple[Done, ...] = ()
    effect: Effect | None = None
    run_id: str = ""
    dry_run: bool = False
    notes: tuple[str, ...] = field(default_factory=tuple)


def matches(recorded: State | None, current: State | None) -> bool:
    """Whether `current` is the recorded state: every recorded member equal, whatever the service added since."""
    if recorded is None or current is None:
        return recorded is current
    return all(current.get(key) == value for key, value in recorded.items())
