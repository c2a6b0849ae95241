"""Copy associations to another cluster, or move one to another service account."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Self

from podid.domain import trust
from podid.domain.aws import Association, Cluster, Role
from podid.domain.errors import Again, Conflict, ExitCode, NotFound, PodidError, Unavailable, Undetermined
from podid.domain.names import Arn, ServiceAccountRef, role_name
from podid.domain.owners import without_marks
from podid.domain.plan import Action, Place, Plan, Verb, code_after
from podid.domain.status import missing_words
from podid.domain.text import did_you_mean, meant, nearest
from podid.ops.association.aftermath import Waiting, reach
from podid.ops.association.associate import kept_role, plan_targets
from podid.ops.association.disassociate import losing_notes, plan_disassociate
from podid.ops.association.files import FileItem, tags_of_copy
from podid.ops.association.plan import plan_associations, with_service_accounts
from podid.ops.association.read import association_not_found, current_associations
from podid.ops.association.request import AssociationChange, DesiredAssociation, Settings
from podid.ops.change.kinds import ASSOCIATION, ROLE_TRUST
from podid.ops.change.kinds.trusts import trust_policy_of
from podid.ops.clients import Clients
from podid.ops.role.plan import identity
from podid.ops.role.quota import TrustQuota
from podid.ops.role.resolve import ResolvedRole
from podid.ops.role.target import TargetRequest
from podid.ops.status.diagnose import Diagnosis
from podid.ops.trust.edit import Subjects, plan_edit, removing


def all_settings(association: Association) -> Settings:
    """Return all settings, with "" for missing ones, so that another association becomes equal."""
    return Settings(
        target_role_arn=association.target_role_arn or "",
        disable_session_tags=not association.session_tags,
        policy=association.policy or "",
        tags=without_marks(association.tags),
    )


NOTHING_MAPPED: Mapping[str, str] = MappingProxyType({})


def copies(
    associations: Iterable[Association],
    roles: Mapping[str, str] = NOTHING_MAPPED,
    namespaces: Mapping[str, str] = NOTHING_MAPPED,
    accounts: Mapping[str, str] = NOTHING_MAPPED,
) -> tuple[FileItem, ...]:
    """Return the associations that another cluster requires. `roles` maps role names or ARNs to others, `namespaces`
    names, and `accounts` the accounts of role ARNs. Those of add-ons are marked: the add-on creates them there. EKS
    requires the ARN of a target role: a name that replaces it is a role of the target role's account."""

    def elsewhere(role: str) -> str:
        arn = Arn.parse(role)
        return str(replace(arn, account=accounts.get(arn.account, arn.account)))

    def mapped(arn: str) -> str:
        return roles.get(arn) or roles.get(role_name(arn)) or elsewhere(arn)

    def target(arn: str) -> str:
        new = mapped(arn)
        return new if new.startswith("arn:") else str(replace(Arn.parse(elsewhere(arn)), resource=f"role/{new}"))

    items = []
    for item in associations:
        settings = replace(all_settings(item), tags=tags_of_copy(item.tags))
        if settings.target_role_arn:
            settings = replace(settings, target_role_arn=target(settings.target_role_arn))
        ref = ServiceAccountRef(namespaces.get(item.namespace, item.namespace), item.service_account)
        items.append(FileItem(ref, mapped(item.role_arn), settings, owner=item.owner_arn or ""))
    return tuple(items)


def associations_to_copy(clients: Clients, place: Place, namespace: str | None) -> tuple[Association, ...]:
    """Return the associations of the cluster, or of one namespace. Raise NotFound if there is none."""
    associations = clients.eks.list_associations(place.cluster_name, namespace)
    if not associations:
        message = f"Cluster {place.cluster_name} has no associations to copy"
        known = {item.namespace for item in clients.eks.list_association_summaries(place.cluster_name)}
        near = nearest(namespace, known, 1) if namespace else []
        hint = Again(swap=(namespace, near[0])) if namespace and near else ()
        where = f" in namespace {namespace}{meant(near)}" if namespace else ""
        raise NotFound(f"{message}{where}", hint=hint, subject=namespace or place.cluster_name)
    return associations


def check_maps(
    associations: Iterable[Association],
    roles: Mapping[str, str],
    namespaces: Mapping[str, str],
    accounts: Mapping[str, str],
) -> None:
    """Raise NotFound for a role, namespace or account of a map that no association uses."""
    items = tuple(associations)
    arns = {arn for item in items for arn in (item.role_arn, item.target_role_arn) if arn}
    for noun, pairs, used in (
        ("role", roles, arns.union(map(role_name, arns))),
        ("namespace", namespaces, {item.namespace for item in items}),
        ("account", accounts, {Arn.parse(arn).account for arn in arns}),
    ):
        for old in sorted(pairs.keys() - used):
            message = f"--map-{noun}: no association to copy uses {noun} {old}{did_you_mean(old, used)}"
            raise NotFound(message, subject=old)


def check_copies(items: Iterable[FileItem], account: str) -> None:
    """Raise Conflict for two associations of one service account, and for a role of another account than `account`,
    which EKS does not accept."""
    refs: set[ServiceAccountRef] = set()
    for item in items:
        if item.owner:
            continue
        if item.ref in refs:
            raise Conflict(f"--map-namespace maps two associations to {item.ref}", subject=str(item.ref))
        refs.add(item.ref)
        if item.role.startswith("arn:") and (owner := Arn.parse(item.role).account) != account:
            raise Conflict(
                f"Role {item.role} of {item.ref} is in account {owner}, and the cluster is in account {account}",
                hint=Again(add=("--map-account", f"{owner}={account}")),
                subject=item.role,
            )


@dataclass(frozen=True, slots=True)
class Transfer:
    """An association that moves from `old` to `new`; None if it is gone. `moved` is what `new` has already, `role` the
    role of either. `at_place` completes a command line."""

    clients: Clients
    place: Place
    old: ServiceAccountRef
    new: ServiceAccountRef
    association: Association | None
    moved: Association | None
    role: ResolvedRole
    at_place: Callable[[tuple[str, ...]], tuple[str, ...]]

    @classmethod
    def read(
        cls,
        clients: Clients,
        place: Place,
        old: ServiceAccountRef,
        new: ServiceAccountRef,
        at_place: Callable[[tuple[str, ...]], tuple[str, ...]],
        *,
        elsewhere: tuple[Clients, Place] | None = None,
    ) -> Self:
        """Read the associations of both service accounts. `elsewhere` is the other cluster of the move. Raise NotFound
        if there is no association to move."""
        if elsewhere is None:
            current = current_associations(clients, place, (old, new))
            association, moved = current[old], current[new]
        else:
            association = clients.eks.find_association(place.cluster_name, old)
            moved = elsewhere[0].eks.find_association(elsewhere[1].cluster_name, new)
        if association is None and moved is None:
            known = clients.eks.list_association_summaries(place.cluster_name)
            raise association_not_found(clients, place, old, (item.ref for item in known))
        role = kept_role(clients, *((new, moved) if association is None else (old, association)))
        return cls(clients, place, old, new, association, moved, role, at_place)

    def plan(self, change: AssociationChange, *, create_service_account: bool) -> Plan:
        """Plan the new association. Raise as `plan_associations` does."""
        assert self.association is not None
        cluster, current = self.place.the_cluster, {self.new: self.moved}
        desired = (DesiredAssociation(self.new, self.role, all_settings(self.association)),)
        plan = plan_associations(desired, change, cluster, self.place.header, current, self.clients.trust_quota)
        target = TargetRequest(arn="", profile=None, update=change.update_trust)
        for at_target in plan_targets(self.clients, self.place, desired, current, target):
            plan = at_target.around(plan)
        return with_service_accounts(plan, (self.new,), self.clients) if create_service_account else plan

    def deletion(self, now: datetime, *, remove_trust: bool) -> Plan:
        return self.then_delete(Plan(header=self.place.header, actions=()), now, remove_trust=remove_trust)

    def then_delete(self, plan: Plan, now: datetime, *, remove_trust: bool) -> Plan:
        """Return the plan with the deletion of the old association, which requires that the new one exists."""
        current = {self.old: self.association}
        plan = plan.then(plan_disassociate((self.old,), self.place.header, current)).in_order()
        plan = plan.noting(losing_notes(self.clients.kube, current, now))
        return self._and_trust(plan, self.association, remove=remove_trust)

    def remaining(self, *, remove_trust: bool) -> Plan:
        """Plan the remaining changes if the old association is gone: an earlier run may have ended before it changed
        the trust policy."""
        sentence = f"{self.old} has no association, and {self.new} has one: nothing is left to move"
        gone = plan_disassociate((self.old,), self.place.header, {self.old: None}).noting((sentence,))
        return self._and_trust(gone, self.moved, remove=remove_trust)

    def _and_trust(self, plan: Plan, association: Association | None, *, remove: bool) -> Plan:
        """Return the plan that also removes the old service account from the trust policy, or names the command for it.
        Raise AccessDenied if removal was requested and the trust policy cannot be read."""
        role, cluster = self.role.role, self.place.the_cluster
        if role is None:
            if remove and self.role.denied is not None:
                raise self.role.denied
            return plan
        assert association is not None
        removal = left_in_trust(
            plan, role, cluster, self.old, self.clients.trust_quota, session_tags=association.session_tags
        )
        if removal is None:
            return plan
        if remove:
            return plan.then(removal).in_order()
        command = ("podid", "trust", "remove", "--role", role.name, "--for", str(self.old), "--cluster", cluster.name)
        words = shlex.join(self.at_place(command))
        return plan.noting((f"the trust policy of role {role.name} still allows {self.old}: {words}",))


@dataclass(slots=True)
class OnceReady:
    """Allow the deletion of an association only after new pods of `target` are in the awaited state, if the cluster can
    be checked. `diagnosis` is the last one."""

    how: Waiting
    target: ServiceAccountRef
    diagnosis: Diagnosis | None = None

    def __call__(self, action: Action) -> PodidError | None:
        """Return the error that prevents the action."""
        how, target = self.how, self.target
        if action.kind != ASSOCIATION.name or action.verb is not Verb.DELETE or not how.checks_cluster:
            return None
        self.diagnosis = reach(how, (target,))
        (status,) = self.diagnosis.report.identities
        named = ExitCode.UNDETERMINED if how.wait is not None else ExitCode.OK
        code = code_after(status, how.state, running=False, unjudged=named)
        if code is ExitCode.OK:
            return None
        cause = status.new_pod.cause
        why = missing_words((status,)) if cause is None else f", {cause.check}: {cause.reason or cause.message}"
        state = status.new_pod.state or "not checked"
        message = f"{target} has the association and {action.target} keeps its own: new pods are {state}{why}"
        kind: type[PodidError] = {
            ExitCode.ATTENTION: Conflict,
            ExitCode.UNAVAILABLE: Unavailable,
        }.get(code, Undetermined)
        return kind(message, hint=Again(), subject=str(target))


def left_in_trust(
    plan: Plan, role: Role, cluster: Cluster, ref: ServiceAccountRef, quota: TrustQuota, *, session_tags: bool
) -> Plan | None:
    """Plan the removal of `ref` from the role's trust policy after the plan; None if the policy does not allow it, or
    allows it only together with others."""
    changes = (action.after for action in plan.actions if action.kind == ROLE_TRUST.name)
    document = next((trust_policy_of(after) for after in changes if after is not None), role.trust)
    then = replace(role, trust=document)
    policy = trust.parse_policy(document)
    if trust.evaluate(policy, identity(cluster, ref, session_tags=session_tags, role=role)).verdict is (
        trust.TrustVerdict.NO_MATCH
    ):
        return None
    edit = removing(Subjects(refs=(ref,), cluster_arn=cluster.arn, untagged=() if session_tags else (ref,)))
    if not edit(policy, dict(role.tags)).changed:
        return None
    return plan_edit(then, edit, plan.header, quota, why=f"to remove {ref}")
