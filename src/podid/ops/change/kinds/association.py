"""Pod identity associations."""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import ClassVar, TypedDict

from podid.calls.patience import Patience
from podid.domain.aws import PLANNED_ID, Association
from podid.domain.errors import LostAnswer, NotFound, PodidError, Rejected
from podid.domain.evidence import NO_CHANGES
from podid.domain.members import ArnText, Pairs
from podid.domain.names import ServiceAccountRef
from podid.domain.owners import without_marks
from podid.domain.plan import Action, State, Verb, matches, text, texts
from podid.domain.snapshot import Known, Snapshot, known_or
from podid.ops.change.kinds import base
from podid.ops.change.propagation import Lately, waits_for
from podid.ops.clients import Site


class AssociationState(TypedDict, total=False):
    namespace: str
    serviceAccount: str
    roleArn: ArnText
    targetRoleArn: str | None
    disableSessionTags: bool
    policy: str | None
    tags: Pairs
    associationId: str


# members that can be removed, and how long EKS may still return the previous ones
_REMOVABLE = {"targetRoleArn": "target role", "policy": "session policy"}
_WORDS = {"roleArn": "role", **_REMOVABLE, "disableSessionTags": "setting of session tags"}
_SETTLES_SECONDS = 10.0


class AssociationKind(base.ResourceKind):
    name = "association"
    service = "EKS"
    state = AssociationState
    keys = ("namespace", "serviceAccount")
    operations: ClassVar[base.Operations] = {
        Verb.NONE: ("Eks.find_association",),
        Verb.CREATE: ("Eks.create_association", "Eks.get_reported"),
        Verb.UPDATE: ("Eks.update_association", "Eks.get_association", "Eks.tag_association"),
        Verb.DELETE: ("Eks.delete_association",),
    }
    takes_effect = True
    # an association that is created again has another id and the same effect
    assigned = frozenset({"associationId"})
    independent = True
    once_deleted = (
        "credentials that pods already hold stay valid until they expire, up to six hours",
        "running pods keep the injected variables, and their next refresh fails: restart them",
    )

    def needs(self, action: Action) -> frozenset[str]:
        return _roles(action.after) | base.needed_account(**action.keys)

    def gives(self, action: Action) -> frozenset[str] | None:
        """Return the names that later actions need: a role can be deleted only after the associations that name it, and
        statements of its trust policy can be removed only after the associations that used them."""
        users = base.needed_users(text(action.before, "roleArn")) - base.needed_users(text(action.after, "roleArn"))
        return users | _roles(action.before) if action.after is None else users

    def unread(self, ref: ServiceAccountRef) -> Action:
        """Return an action for a service account whose association is neither read nor changed."""
        keys = {"namespace": ref.namespace, "serviceAccount": ref.name}
        return Action(self.name, Verb.NONE, keys, None, None)

    @staticmethod
    def state_of(association: Association) -> AssociationState:
        return {
            "namespace": association.namespace,
            "serviceAccount": association.service_account,
            "roleArn": association.role_arn,
            "targetRoleArn": association.target_role_arn,
            "disableSessionTags": bool(association.disable_session_tags),
            "policy": association.policy,
            "tags": dict(association.tags),
            "associationId": association.association_id,
        }

    def read(self, site: Site, keys: base.Keys) -> State | None:
        association = site.eks.find_association(site.cluster, ref_of(keys))
        # an association owned by an add-on is changed through the add-on
        return None if association is None or association.owner_arn else self.state_of(association)

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        if action.after is None:
            site.eks.delete_association(site.cluster, self._unmoved(site, action).association_id)
            return None
        if action.before is None:
            after, tags = action.after, without_marks(texts(action.after, "tags"))
            settings = {key: after[key] for key in ("targetRoleArn", "disableSessionTags", "policy") if after.get(key)}
            role, token = text(after, "roleArn"), uuid.uuid4().hex
            created = site.eks.create_association(
                site.cluster, ref_of(action.keys), role, settings, tags=tags, token=token
            )
            return self.state_of(created)
        current = self._unmoved(site, action)
        changed = {key: value for key, value in action.after.items() if action.before.get(key) != value}
        return self.state_of(_updated(site, current, changed, patience))

    def waits_for(self, site: Site, action: Action, error: PodidError, lately: Callable[[], Lately]) -> PodidError:
        return waits_for(site, action, error, lately)

    def _unmoved(self, site: Site, action: Action) -> Association:
        current = site.eks.find_association(site.cluster, ref_of(action.keys))
        if current is None:
            raise NotFound(f"No association for {action.target} in cluster {site.cluster}", subject=action.target)
        if not matches(action.before, self.state_of(current)):
            raise base.moved(f"association of {action.target}", action)
        return current

    def predict_all(self, snapshot: Snapshot, actions: Iterable[Action], now: datetime) -> Snapshot:
        return with_associations(snapshot, ((ref_of(action.keys), action.after) for action in actions), now)

    def detail(self, state: State) -> str:
        role_arn = text(state, "roleArn")
        return f" -> {role_arn}" if role_arn else ""


# changes of these reach running pods with a delay:
# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
_LATE_SETTINGS = ("roleArn", "targetRoleArn", "policy", "disableSessionTags")


def same_settings(before: State, after: State) -> bool:
    """Return whether two states of an association differ at most in their tags."""
    return all(_same(before.get(name), after.get(name)) for name in _LATE_SETTINGS)


def changes_settings(action: Action) -> bool:
    """Return whether the action changes more of an association than its tags."""
    return not same_settings(action.before or {}, action.after or {})


def late_changes(actions: Iterable[Action]) -> list[ServiceAccountRef]:
    """Return the service accounts whose running pods may keep credentials of an earlier association: it has other
    settings, or it was deleted and they have its injected fields."""
    kept = (action for action in actions if action.kind == AssociationKind.name and action.after is not None)
    return [ref_of(action.keys) for action in kept if changes_settings(action)]


def with_associations(
    snapshot: Snapshot,
    changes: Iterable[tuple[ServiceAccountRef, State | None]],
    now: datetime,
    *,
    owner_arn: str | None = None,
) -> Snapshot:
    """Return the snapshot with the planned associations, None for none. The time of a change is `now` if the change
    reaches running pods late."""
    if not isinstance(snapshot.associations, Known):
        return snapshot
    cluster = snapshot.cluster.value if isinstance(snapshot.cluster, Known) else None
    associations = {item.ref: item for item in snapshot.associations.value}
    recent = known_or(snapshot.changes, NO_CHANGES)
    kept, deleted = dict(recent.kept_role), dict(recent.deleted)
    for ref, after in changes:
        listed = associations.pop(ref, None)
        known = listed if isinstance(listed, Association) else None
        if after is None:
            if known is not None:
                deleted[str(ref)] = AssociationKind.state_of(known)
            continue
        old = AssociationKind.state_of(known) if known is not None else deleted.get(str(ref), {})
        same = same_settings(old, after)
        if not same:
            kept.pop(str(ref), None)
        elif known is None:  # running pods have credentials with the same settings
            kept[str(ref)] = now
        target, external_id = text(after, "targetRoleArn") or None, known.external_id if known is not None else None
        if target and not external_id and cluster:
            # as EKS forms it: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-assign-target-role.html
            external_id = "/".join((cluster.region, cluster.account, cluster.name, str(ref)))
        associations[ref] = Association(
            cluster_name=cluster.name if cluster else "",
            namespace=ref.namespace,
            service_account=ref.name,
            association_id=listed.association_id if listed is not None else PLANNED_ID,
            association_arn=listed.association_arn if listed is not None else f"{PLANNED_ID}/{ref}",
            owner_arn=listed.owner_arn if listed is not None else owner_arn,
            role_arn=text(after, "roleArn"),
            target_role_arn=target,
            external_id=(external_id or None) if target else None,
            disable_session_tags=bool(after.get("disableSessionTags")),
            policy=text(after, "policy") or None,
            tags=texts(after, "tags"),
            created_at=known.created_at if known is not None else now,
            modified_at=known.modified_at if known is not None and same else now,
        )
    listing = tuple(associations[ref] for ref in sorted(associations))
    newest = Known(replace(recent, kept_role=kept)) if kept else snapshot.changes
    return replace(snapshot, associations=Known(listing), changes=newest)


def _roles(state: State | None) -> frozenset[str]:
    return base.needed_role(text(state, "roleArn")) | base.needed_role(text(state, "targetRoleArn"))


def ref_of(keys: base.Keys) -> ServiceAccountRef:
    return ServiceAccountRef(keys["namespace"], keys["serviceAccount"])


def _updated(site: Site, current: Association, changed: State, patience: Patience) -> Association:
    """Apply the `changed` members. Tags are a call of their own, made first."""
    eks, arn = site.eks, current.association_arn
    tags = texts(changed, "tags") if "tags" in changed else current.tags
    untag, tag = partial(eks.untag_association, arn), partial(eks.tag_association, arn)
    subject, updated = f"association {current.ref}", current
    calls = list(base.retagging(current.tags, tags, untag, tag))
    back = partial(base.retagging, tags, current.tags, untag, tag)
    if not changed.keys() - {"tags"}:
        base.make_all(calls, back, subject)
        return base.read_back(
            lambda: eks.get_association(site.cluster, current.association_id), "the association's tags"
        )
    # "" clears a member, as AWS's ACK controller does it (eks-controller#164)
    settings: dict[str, object] = {key: text(changed, key) for key in ("targetRoleArn", "policy") if key in changed}
    settings |= {"roleArn": role_arn} if (role_arn := text(changed, "roleArn")) else {}
    if isinstance(disable := changed.get("disableSessionTags"), bool):
        settings["disableSessionTags"] = disable
    token = uuid.uuid4().hex  # the association is read anew each time, so this is another request

    def update() -> None:
        nonlocal updated
        try:
            updated = eks.update_association(site.cluster, current.association_id, settings, token=token)
        except LostAnswer as lost:
            # restore the tags only if it was not made
            with suppress(PodidError):
                updated = eks.get_association(site.cluster, current.association_id)
            if _kept(updated, changed):
                raise lost from None
        updated = _taken_over(site, updated, changed, patience)

    base.make_all((*calls, update), back, subject)
    return updated


def _same(current: object, expected: object) -> bool:
    """Compare members of a state: empty values are equal, session policies are compared as JSON."""
    if not current or not expected:
        return not current and not expected
    if current == expected:
        return True
    try:
        texts = isinstance(current, str) and isinstance(expected, str)
        return texts and bool(json.loads(str(current)) == json.loads(str(expected)))
    except ValueError:
        return False


def _kept(association: Association, changed: Mapping[str, object]) -> list[str]:
    """Return the changed settings that the association does not have yet."""
    state: State = AssociationKind.state_of(association)
    return [member for member in _WORDS if member in changed and not _same(state.get(member), changed[member])]


def _taken_over(site: Site, updated: Association, changed: Mapping[str, object], patience: Patience) -> Association:
    """Return the association as EKS returns it. Read it back if the answer differs from the request, and after a
    removal, since AWS does not document that "" removes a member. Raise Rejected, which names the members that EKS
    still keeps after some seconds."""
    remaining = _kept(updated, changed)
    if not remaining and all(changed[member] for member in _REMOVABLE if member in changed):
        return updated
    current = updated
    for _ in patience.within(_SETTLES_SECONDS).rounds(1.0):
        current = base.read_back(
            lambda: site.eks.get_association(site.cluster, updated.association_id), "the association"
        )
        remaining = _kept(current, changed)
        if not remaining:
            return current
    removed = [_WORDS[member] for member in remaining if not changed[member] and member in _REMOVABLE]
    others = [_WORDS[member] for member in remaining if _WORDS[member] not in removed]
    kept_members = (("remove", removed), ("change", others))
    requests = [f"{verb} the {' and '.join(names)}" for verb, names in kept_members if names]
    still = "the association still has it" if removed and not others else "the association is unchanged"
    raise Rejected(
        f"EKS accepted the request to {' and to '.join(requests)} of {current.ref}, but {still}",
        advice="Delete the association and create it again: podid disassociate, then podid associate.",
        subject=str(current.ref),
    )


ASSOCIATION = AssociationKind()
