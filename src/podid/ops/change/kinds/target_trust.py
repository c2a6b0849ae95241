"""The trust policy of a target role, which may be another account's: a profile of that account reads and writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from podid.calls.patience import Patience
from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import PodidError, Rejected
from podid.domain.members import ArnText, PolicyObject
from podid.domain.names import role_name, role_path
from podid.domain.plan import Action, Done, State, Status, text
from podid.ops.change.external_ids import awaited_in, get_external_id, no_external_id, with_external_ids
from podid.ops.change.kinds.base import Keys
from podid.ops.change.kinds.role_trust import RoleTrustKind, document_of
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.aws.iam import Iam
    from podid.domain.snapshot import Snapshot
    from podid.ops.change.propagation import Lately


class TargetTrustState(TypedDict, total=False):
    targetRoleArn: ArnText
    profile: str
    policyDocument: PolicyObject


class TargetTrustKind(RoleTrustKind):
    name = "target-trust"
    title = "trust policy of target role"
    state = TargetTrustState
    keys = ("targetRoleArn",)
    # whose credentials reach it: IAM holds no such thing
    manner = frozenset({"profile"})

    def reading(self, action: Action) -> Keys:
        profile = text(action.after or {}, "profile") or text(action.before or {}, "profile")
        return {**action.keys, "profile": profile}

    def find_role(self, clients: Clients, keys: Keys) -> Role | None:
        """A profile may have become another account's: a role of the same name there is not the one."""
        arn = keys["targetRoleArn"]
        role = self.iam(clients, keys).find_role(role_name(arn))
        return role if role is not None and role.arn == arn else None

    def iam(self, clients: Clients, keys: Keys) -> Iam:
        return clients.iam_of(keys.get("profile", ""))

    def state_at(self, role: Role, keys: Keys) -> State:
        return {"targetRoleArn": role.arn, "profile": keys.get("profile", ""), "policyDocument": dict(role.trust)}

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        """Also of a role of another account, which the plan has read with credentials of its own. External ids that EKS
        will make are those of the associations as planned."""
        from podid.domain.aws import Association
        from podid.domain.snapshot import Known, known_or
        from podid.ops.change.planned import put

        arn, wanted = action.keys["targetRoleArn"], document_of(action.after)
        planned = {a.ref: a.external_id for a in known_or(snapshot.associations, ()) if isinstance(a, Association)}
        trust = with_external_ids(wanted, {ref: found for ref in awaited_in(wanted) if (found := planned.get(ref))})
        assert isinstance(trust, Mapping)
        there = known_or(snapshot.target_roles, {}).get(arn)
        known = there.value if isinstance(there, Known) else None
        role = known or Role(name=role_name(arn), arn=arn, path=role_path(arn), role_id="", trust=trust)
        return replace(snapshot, target_roles=put(snapshot.target_roles, arn, Known(replace(role, trust=trust))))

    def completed(
        self, clients: Clients, cluster: str, action: Action, done: Sequence[Done], patience: Patience
    ) -> Action:
        """With the external ids of associations that the run has made."""
        before, after = document_of(action.before), document_of(action.after)
        refs, arn = awaited_in(after), action.keys["targetRoleArn"]
        if not refs:
            return action
        failed = {item.action.target for item in done if item.status is Status.FAILED}
        for ref in sorted(refs):
            if str(ref) in failed:
                raise no_external_id(ref, arn)
        ids = {ref: get_external_id(clients.eks, cluster, ref, arn, patience) for ref in sorted(refs)}
        whole = with_external_ids(after, ids)
        assert isinstance(whole, Mapping)
        old = trust.parse_policy(before)
        # what one of the ids leads to may be there already
        policy = trust.merged(old, trust.parse_policy(whole), old) or old
        state = {**(action.before or {}), "policyDocument": policy.to_document()}
        return self.action(action.before, state, note=action.note)

    def waits_for(
        self, error: PodidError, clients: Clients, cluster: str, action: Action, lately: Callable[[], Lately]
    ) -> PodidError:
        """IAM knows a role that was just made in another account after some seconds, and refuses to name it before."""
        if isinstance(error, Rejected) and "a principal in it does not exist" in error.what and lately().roles:
            return error
        raise error


TARGET_TRUST = TargetTrustKind()
