"""Common parts of all kinds of resource that podid changes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from podid.calls.patience import Patience
from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.dependents import Dependents
from podid.domain.errors import (
    Again,
    Conflict,
    InvalidInput,
    LostAnswer,
    NotFound,
    PodidError,
    Rejected,
    Unavailable,
    UsageError,
)
from podid.domain.names import role_name
from podid.domain.owners import Owner, created_by_podid, owner_of
from podid.domain.plan import Action, Done, State, Status, Verb, document, matches, texts
from podid.domain.snapshot import Snapshot
from podid.ops.change.propagation import Lately
from podid.ops.clients import Clients, Site

T = TypeVar("T")
ANY_WRITE = frozenset({Verb.CREATE, Verb.UPDATE, Verb.DELETE})

Keys = Mapping[str, str]
Tags = Mapping[str, str]
Operations = Mapping[Verb, tuple[str, ...]]
# by name, since only --show-permissions imports them
_GATEWAYS = {
    "CloudFormation": "podid.aws.account",
    "CloudTrail": "podid.aws.cloudtrail",
    "Eks": "podid.aws.eks",
    "EksAuth": "podid.aws.sts",
    "Iam": "podid.aws.iam",
    "KubeReader": "podid.kube.reader",
    "KubeWriter": "podid.kube.writer",
    "ResourcePolicies": "podid.aws.resource_policies",
    "Sts": "podid.aws.sts",
}


def operation(name: str) -> Callable[..., Any]:
    """Return the client method with a name such as `Iam.find_role`."""
    gateway, _, method = name.partition(".")
    called: Callable[..., Any] = getattr(getattr(import_module(_GATEWAYS[gateway]), gateway), method)
    return called


class ResourceKind(ABC):
    """One kind of resource: its state, how it is read and how it is written. States can be encoded as JSON."""

    name: ClassVar[str]  # the `kind` of an action in JSON and in the journal
    title: ClassVar[str] = ""  # the name for messages, if it differs
    service: ClassVar[str] = ""  # EKS or IAM, whose readings may lag behind changes
    state: ClassVar[type]  # a TypedDict; the state of a plan holds only the members that were specified
    keys: ClassVar[tuple[str, ...]]  # the members that identify the resource: always present, never changed
    # the client methods that each verb calls; under `Verb.NONE` those that only read
    operations: ClassVar[Operations] = {}
    # IAM is global: such a kind can be settled and undone from any region of the account
    account_wide: ClassVar[bool] = False
    # verbs whose write does not detect a concurrent change: the resource is read again just before
    overwrites: ClassVar[frozenset[Verb]] = frozenset()
    # members that the service assigns anew when the resource is made again
    assigned: ClassVar[frozenset[str]] = frozenset()
    # members that are parameters of the request: the service does not store them
    manner: ClassVar[frozenset[str]] = frozenset()
    # a document with several writers and no check in the service: it is read again when the run ends
    contended: ClassVar[bool] = False
    # it no longer exists when its run has ended, so it cannot be undone
    passing: ClassVar[bool] = False
    # it changes the credentials of pods, and a command waits for that effect
    takes_effect: ClassVar[bool] = False
    # its write waits for a rollout after the change, so that a failure may leave the change
    awaits_rollout: ClassVar[bool] = False
    # the member of the state that is a trust policy; empty if there is none
    policy: ClassVar[str] = ""
    # several of them may be changed at the same time, if the plan allows it
    independent: ClassVar[bool] = False
    # notes of a plan that deletes one
    once_deleted: ClassVar[tuple[str, ...]] = ()

    def action(self, before: State | None, after: State | None, note: str = "") -> Action:
        """Return the change from one state to another. Raise KeyError if a state lacks one of the keys."""
        state = after if after is not None else before or {}
        keys = {key: str(state[key]) for key in self.keys}
        return Action(self.name, self.verb(before, after), keys, before, after, note)

    def verb(self, before: State | None, after: State | None) -> Verb:
        if before == after:
            return Verb.NONE
        if before is None:
            return Verb.CREATE
        return Verb.DELETE if after is None else Verb.UPDATE

    def reading(self, action: Action) -> Keys:
        """Return the keys that `read` requires for the action's resource."""
        return action.keys

    @abstractmethod
    def read(self, site: Site, keys: Keys) -> State | None:
        """Return the current state, None if the resource does not exist. Raise AccessDenied, Unavailable as the clients
        do."""

    @abstractmethod
    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        """Make the change. Return the state that the service answered, None for a deletion."""

    def predict(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        """Return the snapshot as it would be read after the action took effect; pure. Facts that are known only
        afterwards are PLANNED. Unchanged for a kind that no check uses."""
        return snapshot

    def predict_all(self, snapshot: Snapshot, actions: Iterable[Action], now: datetime) -> Snapshot:
        """Return the snapshot after several actions of this kind. A kind of which a plan can have hundreds does it in
        one pass."""
        for action in actions:
            snapshot = self.predict(snapshot, action, now)
        return snapshot

    def needs(self, action: Action) -> frozenset[str]:
        """Return names of resources that earlier actions must not have failed to change."""
        return frozenset()

    def gives(self, action: Action) -> frozenset[str] | None:
        """Return names of resources that later actions may need; None if all later actions may need this one."""
        return None

    def completed(self, site: Site, action: Action, done: Sequence[Done], patience: Patience) -> Action:
        """Return the action with values that earlier steps of the same run, `done`, produced. Its verb is none if there
        is nothing left to change."""
        return action

    def waits_for(self, site: Site, action: Action, error: PodidError, lately: Callable[[], Lately]) -> PodidError:
        """Return the error to end with if retrying does not help in time. Raise the explained `error` if retrying is
        useless, as for most kinds."""
        raise error

    def calls(self, *verbs: Verb) -> tuple[Callable[..., Any], ...]:
        """Return the client methods that actions with these verbs call, including those that read the resource."""
        return tuple(operation(name) for verb in (Verb.NONE, *verbs) for name in self.operations.get(verb, ()))

    def subject(self, action: Action) -> str:
        """Return the resource for a sentence: `role shop-orders`, `Deployment shop/orders`."""
        return f"{self.title or self.name} {action.target}"

    def detail(self, state: State) -> str:
        """Return what follows the name in a line about the resource, with a leading space; empty for most kinds."""
        return ""

    def settle(self, site: Site, action: Action) -> Done:
        """Return the outcome of an interrupted action, determined by reading."""
        current = self.read(site, self.reading(action))
        if matches(self.held(action.after), current):
            return Done(action, Status.DONE, current, "settled: the change was made")
        words = "the resource has neither its previous nor its planned state"
        if matches(self.held(action.before), current):
            words = "the change was not made"
        return Done(action, Status.FAILED, current, f"settled: {words}")

    def check_unmoved(self, site: Site, action: Action) -> None:
        """Raise Conflict if the resource differs from the plan's `before`. A resource to delete may be gone already."""
        current = self.read(site, self.reading(action))
        if (current is not None or action.after is not None) and not matches(self.held(action.before), current):
            raise moved(self.subject(action), action)

    def lost(self, site: Site, action: Action) -> Sequence[str]:
        """Return the parts of the change that another writer, who had read the document earlier, has overwritten. Raise
        NotFound if the document was deleted."""
        return ()

    def late(self, site: Site, action: Action) -> bool:
        """Return whether the last reading did not show the change yet, although the service has answered it."""
        return False

    def anew(self, site: Site, action: Action) -> Action:
        """Return the same change relative to the current state; its verb is none if nothing is left to do. Raise
        Conflict if both changes cannot be combined."""
        raise moved(self.subject(action), action)

    def owner(self, site: Site, action: Action) -> Owner | None:
        """Return the tool that owns the resource and would revert the action, by its tags; for a part of a role, that
        of the role."""
        if name := action.keys.get("roleName"):
            return owner_of_role(site.clients, site.iam.find_role(name))
        return owner_of(texts(action.before, "tags"))

    def not_undone(self, action: Action) -> str:
        """Return why undo skips an action of this kind; empty if it does not."""
        return ""

    def dependents(self, site: Site, action: Action, earlier: Sequence[Action]) -> Dependents:
        """Return what else needs the part of the resource that the action removes, once the `earlier` actions of the
        plan are carried out. Read when the plan is made and again before its first write. Raise Conflict if the users
        must not lose it."""
        return Dependents(notes=self.once_deleted if action.after is None else ())

    def check_same(self, current: State, created: State | None) -> None:  # noqa: B027  most kinds have no id that changes
        """Raise Conflict if the current resource is not the one that was created, although its name and members are
        equal."""

    def held(self, state: State | None) -> State | None:
        """Return the state as the service stores it, without parameters of the request."""
        return _without(state, self.manner)

    def reproducible(self, state: State | None) -> State | None:
        """Return the state without the members that the service assigns anew."""
        return _without(state, self.assigned | self.manner)


def needed_role(name: str) -> frozenset[str]:
    """Return the name that actions on a role give and need. IAM compares role names without regard to case."""
    return frozenset((f"role {role_name(name).lower()}",)) if name else frozenset()


def needed_users(name: str) -> frozenset[str]:
    """Return the name that changes of a role's associations give, and that later changes of its trust policy need."""
    return frozenset((f"users of role {role_name(name).lower()}",)) if name else frozenset()


def needed_account(namespace: str, serviceAccount: str) -> frozenset[str]:  # noqa: N803  as in the keys of actions
    """Return the name that actions on a service account give and need."""
    return frozenset((f"service account {namespace}/{serviceAccount}",))


class OfRole(ResourceKind):
    """A kind of resource that is a part of a role. The first of its keys is the role's name or ARN."""

    account_wide = True
    service = "IAM"

    def needs(self, action: Action) -> frozenset[str]:
        return needed_role(action.keys[self.keys[0]])

    def gives(self, action: Action) -> frozenset[str] | None:
        return needed_role(action.keys[self.keys[0]])


class OneTime(ResourceKind):
    """An act that is recorded, but cannot be repeated from the journal."""

    passing = True

    def read(self, site: Site, keys: Keys) -> State | None:
        """Return None: most acts leave no resource."""
        return None

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        raise Conflict(f"A {self.name} cannot be repeated from the journal", subject=action.target)


class Trusting(OfRole):
    policy = "policyDocument"

    def needs(self, action: Action) -> frozenset[str]:
        return super().needs(action) | self.principals(action)

    def principals(self, action: Action) -> frozenset[str]:
        """Return the names of the roles that the action adds as principals: IAM rejects roles that do not exist."""
        before, after = (document(state, self.policy) if state else {} for state in (action.before, action.after))
        return trusted_roles(after) - trusted_roles(before)

    def waits_for(self, site: Site, action: Action, error: PodidError, lately: Callable[[], Lately]) -> PodidError:
        """Wait for a role created just now: IAM refuses to name it as a principal for some seconds."""
        if isinstance(error, Rejected) and "a principal in it does not exist" in error.message and lately().roles:
            return error
        raise error


def trusted_roles(policy: Mapping[str, object]) -> frozenset[str]:
    """Return the names of the roles that are principals of a trust policy. A policy that cannot be parsed has none."""
    try:
        statements = trust.parse_policy(policy).statements if policy else ()
    except InvalidInput:
        return frozenset()
    roles = (name for item in statements for kind, name in item.principals if kind == "AWS" and ":role/" in name)
    return frozenset().union(*map(needed_role, roles))


def _without(state: State | None, members: frozenset[str]) -> State | None:
    return None if state is None else {key: value for key, value in state.items() if key not in members}


def retagging(
    old: Tags, new: Tags, untag: Callable[[list[str]], object], tag: Callable[[Tags], object]
) -> Iterator[Callable[[], object]]:
    """Yield the calls that remove the tags that are no longer present and set those that changed."""
    if gone := [key for key in old if key not in new]:
        yield partial(untag, gone)
    if changed := {key: value for key, value in new.items() if old.get(key) != value}:
        yield partial(tag, changed)


def make_all(
    calls: Iterable[Callable[[], object]], back: Callable[[], Iterable[Callable[[], object]]], subject: str
) -> None:
    """Make the calls of one change, which cannot be atomic. After a failure make those of `back`, which restore the
    previous state. Raise LostAnswer if that fails too: a part of the change remains, so it must not count as failed."""
    begun = False
    try:
        for call in calls:
            call()
            begun = True
    except PodidError as error:
        if begun or isinstance(error, LostAnswer):
            try:
                for call in back():
                    call()
            except NotFound:
                pass
            except PodidError as remains:
                message = f"a part of the change of {subject} was made: {error.message}"
                raise LostAnswer(
                    message, subject=error.subject, advice=error.advice, permission=error.permission
                ) from remains
        raise


def read_back(read: Callable[[], T], subject: str) -> T:
    """Return `read()` after a change was sent. Raise LostAnswer if the read is refused: the outcome is not known, so
    the change must not count as failed."""
    try:
        return read()
    except (NotFound, Unavailable):
        raise
    except PodidError as error:
        message = f"the change of {subject} was sent, but its result could not be read: {error.message}"
        raise LostAnswer(message, subject=error.subject, advice=error.advice, permission=error.permission) from error


class Moved(Conflict):
    """The resource changed after the plan was made."""


def moved(subject: str, action: Action) -> Moved:
    return Moved(f"The {subject} has changed since the plan was made", hint=Again(), subject=action.target)


class UnknownKind(ResourceKind):
    state = dict
    keys = ()

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]  # the only kind that is made for each name

    def read(self, site: Site, keys: Keys) -> State | None:
        raise UsageError(
            f"This version of podid does not support {self.name!r}; a newer version recorded it",
            advice="Use that version.",
        )

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        return self.read(site, action.keys)


def owner_of_role(clients: Clients, role: Role | None) -> Owner | None:
    """Return the tool that owns a role: by its tags, or the stack that has it. A role that podid created is in none."""
    if role is None or role.owner is not None or created_by_podid(role.tags):
        return None if role is None else role.owner
    return clients.aws.cloudformation.find_owner_of_role(role.name)
