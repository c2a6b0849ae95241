"""Kinds of resource for trust: trust policies of roles and of target roles (possibly in other accounts), and OIDC
providers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, TypedDict

from podid.calls.patience import Patience
from podid.domain import trust
from podid.domain.aws import Association, OidcProvider, Role
from podid.domain.dependents import NO_DEPENDENTS, Dependents
from podid.domain.errors import Conflict, InvalidInput, NotFound, Other, TimedOut
from podid.domain.members import ArnText, PolicyObject
from podid.domain.names import role_name, role_path
from podid.domain.owners import Owner
from podid.domain.plan import Action, Done, State, Status, Verb, document, matches, text, texts
from podid.domain.snapshot import Known, Snapshot, known_or
from podid.domain.text import short_list
from podid.ops.change.kinds import base
from podid.ops.change.planned import put, with_role
from podid.ops.change.propagation import awaited_in, get_external_id, no_external_id, with_external_ids
from podid.ops.change.users import users_losing_trust, users_of_provider
from podid.ops.clients import Clients, Site

if TYPE_CHECKING:
    from podid.aws.iam import Iam

READ_BACK_SECONDS = 7.5
MOST_READS_OF_OTHERS = 3


class RoleTrustState(TypedDict, total=False):
    roleName: str
    policyDocument: PolicyObject


class RoleTrustKind(base.Trusting):
    name = "role-trust"
    title = "trust policy of role"
    state: ClassVar[type] = RoleTrustState
    keys: ClassVar[tuple[str, ...]] = ("roleName",)
    operations: ClassVar[base.Operations] = {Verb.NONE: ("Iam.find_role",), Verb.UPDATE: ("Iam.update_trust",)}
    contended = True

    def needs(self, action: Action) -> frozenset[str]:
        return super().needs(action) | base.needed_users(action.keys[self.keys[0]])

    @staticmethod
    def state_of(role: Role) -> RoleTrustState:
        return {"roleName": role.name, "policyDocument": dict(role.trust)}

    def change(self, role: Role, policy: trust.Policy, note: str = "") -> Action:
        """Return the change of the role's trust policy to this one."""
        state = self.state_of(role)
        return self.action(state, {**state, "policyDocument": policy.to_document()}, note)

    def find_role(self, clients: Clients, keys: base.Keys) -> Role | None:
        """Return the role with this trust policy, None if it does not exist. Read with the credentials that reach
        it."""
        return self.iam(clients, keys).find_role(keys["roleName"])

    def iam(self, clients: Clients, keys: base.Keys) -> Iam:
        """Return IAM of the role's account."""
        return clients.iam

    def state_at(self, role: Role, keys: base.Keys) -> State:
        """Return the state of the role that `keys` identify."""
        return self.state_of(role)

    def read(self, site: Site, keys: base.Keys) -> State | None:
        role = self.find_role(site.clients, keys)
        return None if role is None else self.state_at(role, keys)

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        """Read just before the write, and read back after it, because IAM has no compare-and-swap."""
        keys = self.reading(action)
        if action.after is None:
            raise Conflict(f"The {self.subject(action)} cannot be deleted, only changed", subject=action.target)
        role = self._role(site.clients, keys)
        if not matches(self.held(action.before), self.state_at(role, keys)):
            raise base.moved(self.subject(action), action)
        before, policy = (trust_policy_of(state) for state in (action.before, action.after))
        self.iam(site.clients, keys).update_trust(role.name, policy)
        others = 0
        for _ in patience.within(READ_BACK_SECONDS).rounds(0.5, longest=4.0):
            now = base.read_back(lambda: self._role(site.clients, keys), self.subject(action)).trust
            if now == policy or (now != before and not trust.overwritten(before, policy, now)):
                if not self.late(site, action):
                    return action.after
                continue
            others = others + 1 if now != before else 0
            if others == MOST_READS_OF_OTHERS:  # not a delayed read of the previous policy, but another writer's
                raise base.moved(self.subject(action), action)
        if self.late(site, action):
            return action.after  # IAM has answered it; it is read once more when the run ends
        message = f"IAM accepted the trust policy of role {role.name} but does not return it yet"
        raise TimedOut(message, hint=Other(("role", "show"), (role.name,)), subject=role.name)

    def _role(self, clients: Clients, keys: base.Keys) -> Role:
        role = self.find_role(clients, keys)
        if role is None:
            name = next(iter(keys.values()))
            raise NotFound(f"Role {name} does not exist", subject=name)
        return role

    def owner(self, site: Site, action: Action) -> Owner | None:
        return base.owner_of_role(site.clients, self.find_role(site.clients, self.reading(action)))

    def dependents(self, site: Site, action: Action, earlier: Sequence[Action]) -> Dependents:
        """Return the users that the trust policy no longer allows after the change."""
        if action.before is None or action.after is None:
            return NO_DEPENDENTS
        try:
            before, after = map(trust.parse_policy, _documents(action))
        except InvalidInput:
            return NO_DEPENDENTS  # IAM accepts no such policy, and podid does not write it
        role = self.find_role(site.clients, self.reading(action)) if trust.loss(before, after) else None
        return users_losing_trust(site, role, before, after, earlier)

    def lost(self, site: Site, action: Action) -> Sequence[str]:
        return trust.overwritten(*_documents(action), self._role(site.clients, self.reading(action)).trust)

    def late(self, site: Site, action: Action) -> bool:
        name = role_name(next(iter(action.keys.values())))
        return name.lower() in self.iam(site.clients, self.reading(action)).late_roles

    def anew(self, site: Site, action: Action) -> Action:
        keys = self.reading(action)
        role = self._role(site.clients, keys)
        before, after, now = (trust.parse_policy(item) for item in (*_documents(action), role.trust))
        policy = trust.merged(before, after, now)
        if policy is None:
            raise base.moved(self.subject(action), action)
        before_now = self.state_at(role, keys)
        return self.action(before_now, {**before_now, "policyDocument": policy.to_document()}, note=action.note)

    def predict(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        after = trust_policy_of(action.after)
        return with_role(snapshot, action.keys["roleName"], lambda role: replace(role, trust=after))


def trust_policy_of(state: State | None) -> Mapping[str, object]:
    return document(state, "policyDocument")


def _documents(action: Action) -> tuple[Mapping[str, object], Mapping[str, object]]:
    return trust_policy_of(action.before), trust_policy_of(action.after)


class TargetTrustState(TypedDict, total=False):
    targetRoleArn: ArnText
    profile: str
    policyDocument: PolicyObject


class TargetTrustKind(RoleTrustKind):
    name = "target-trust"
    title = "trust policy of target role"
    state = TargetTrustState
    keys = ("targetRoleArn",)
    # podid's own: it selects the credentials that reach the role
    manner = frozenset({"profile"})

    def reading(self, action: Action) -> base.Keys:
        profile = text(action.after, "profile") or text(action.before, "profile")
        return {**action.keys, "profile": profile}

    def find_role(self, clients: Clients, keys: base.Keys) -> Role | None:
        """Return None for a role of the same name in another account: the profile may have changed."""
        arn = keys["targetRoleArn"]
        role = self.iam(clients, keys).find_role(role_name(arn))
        return role if role is not None and role.arn == arn else None

    def iam(self, clients: Clients, keys: base.Keys) -> Iam:
        return clients.iam_of(keys.get("profile", ""))

    def state_at(self, role: Role, keys: base.Keys) -> State:
        return {"targetRoleArn": role.arn, "profile": keys.get("profile", ""), "policyDocument": dict(role.trust)}

    def predict(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        """Return the snapshot after the change. The plan has read a role of another account with its credentials.
        External ids are those of the planned associations."""
        arn, policy = action.keys["targetRoleArn"], trust_policy_of(action.after)
        planned = {a.ref: a.external_id for a in known_or(snapshot.associations, ()) if isinstance(a, Association)}
        ids = {ref: external_id for ref in awaited_in(policy) if (external_id := planned.get(ref))}
        trust = with_external_ids(policy, ids)
        assert isinstance(trust, Mapping)
        target = known_or(snapshot.target_roles, {}).get(arn)
        known = target.value if isinstance(target, Known) else None
        role = known or Role(name=role_name(arn), arn=arn, path=role_path(arn), role_id="", trust=trust)
        return replace(snapshot, target_roles=put(snapshot.target_roles, arn, Known(replace(role, trust=trust))))

    def completed(self, site: Site, action: Action, done: Sequence[Done], patience: Patience) -> Action:
        """Return the action with the external ids of the associations that the run has created."""
        before, after = trust_policy_of(action.before), trust_policy_of(action.after)
        refs, arn = awaited_in(after), action.keys["targetRoleArn"]
        if not refs:
            return action
        failed = {item.action.target for item in done if item.status is Status.FAILED}
        for ref in sorted(refs):
            if str(ref) in failed:
                raise no_external_id(ref, arn)
        ids = {ref: get_external_id(site.eks, site.cluster, ref, arn, patience) for ref in sorted(refs)}
        whole = with_external_ids(after, ids)
        assert isinstance(whole, Mapping)
        old = trust.parse_policy(before)
        # the policy may already contain statements with one of the ids
        policy = trust.merged(old, trust.parse_policy(whole), old) or old
        state = {**(action.before or {}), "policyDocument": policy.to_document()}
        return self.action(action.before, state, note=action.note)


class OidcProviderState(TypedDict, total=False):
    providerArn: ArnText
    url: str
    clientIds: Sequence[str]
    thumbprints: Sequence[str]
    tags: Mapping[str, str]


class OidcProviderKind(base.ResourceKind):
    """An OIDC provider, by which roles trust the service accounts of a cluster."""

    name = "oidc-provider"
    title = "OIDC provider"
    state: ClassVar[type] = OidcProviderState
    keys: ClassVar[tuple[str, ...]] = ("providerArn",)
    operations: ClassVar[base.Operations] = {
        Verb.NONE: ("Iam.find_oidc_provider",),
        Verb.CREATE: ("Iam.create_oidc_provider",),
        Verb.DELETE: ("Iam.delete_oidc_provider", "Iam.list_roles"),
    }
    account_wide = True
    service = "IAM"
    overwrites = frozenset({Verb.DELETE})

    def dependents(self, site: Site, action: Action, earlier: Sequence[Action]) -> Dependents:
        """Raise Conflict if a role trusts the OIDC provider: its service accounts would lose their credentials."""
        if action.after is not None:
            return NO_DEPENDENTS
        arn = action.keys["providerArn"]
        trusting = users_of_provider(site, arn, earlier)
        if trusting.users:
            message = f"OIDC provider {arn} is still in use: {short_list(trusting.users)} trusts it"
            raise Conflict(message, subject=arn)
        return trusting

    @staticmethod
    def state_of(provider: OidcProvider) -> OidcProviderState:
        return {
            "providerArn": provider.arn,
            "url": provider.url,
            "clientIds": list(provider.client_ids),
            "thumbprints": list(provider.thumbprints),
            "tags": dict(provider.tags),
        }

    def read(self, site: Site, keys: base.Keys) -> State | None:
        provider = site.clients.iam.find_oidc_provider(keys["providerArn"])
        return None if provider is None else self.state_of(provider)

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        state = action.after
        if state is None:
            site.clients.iam.delete_oidc_provider(action.keys["providerArn"])
        else:
            clients, thumbprints = (state[name] for name in ("clientIds", "thumbprints"))
            assert isinstance(clients, list)
            assert isinstance(thumbprints, list)
            provider = OidcProvider(
                arn=text(state, "providerArn"),
                url=text(state, "url"),
                client_ids=tuple(clients),
                thumbprints=tuple(thumbprints),
                tags=texts(state, "tags"),
            )
            site.clients.iam.create_oidc_provider(provider)
        return state


OIDC_PROVIDER = OidcProviderKind()
ROLE_TRUST = RoleTrustKind()
TARGET_TRUST = TargetTrustKind()
