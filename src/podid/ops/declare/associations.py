"""Plan the associations that files declare for one cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from podid.domain.aws import Association
from podid.domain.declaration import Declaration, Guard
from podid.domain.errors import Conflict, InvalidInput, NotFound, PodidError, UsageError
from podid.domain.fileplan import FileConflict
from podid.domain.grouping import grouped
from podid.domain.incomplete import NotRead
from podid.domain.names import ServiceAccountRef, addon_name, role_name
from podid.domain.plan import Action, Plan
from podid.ops.association.associate import plan_targets
from podid.ops.association.plan import NotAllowed, absent, differences, plan_associations, plan_one
from podid.ops.association.request import AssociationChange, DesiredAssociation, Settings
from podid.ops.change.guard import violations
from podid.ops.change.kinds import SERVICE_ACCOUNT
from podid.ops.change.kinds.association import changes_settings
from podid.ops.declare.accounts import DeclaredAccount, DeclaredAccounts
from podid.ops.declare.clusters import FileSite
from podid.ops.declare.order import RolePlanned
from podid.ops.declare.ownership import Mark, TagHistory, UnmarkedOwners, decide
from podid.ops.declare.request import Ownership
from podid.ops.role.policies import validated
from podid.ops.role.resolve import ResolvedRole, resolve_role
from podid.ops.role.target import TargetRequest


@dataclass(slots=True, kw_only=True)
class AssociationPlanner:
    """Plans the associations of one cluster. `live` are its associations that could be read, `roles` the declared roles
    by name in lower case. `missing` collects sentences about roles that do not exist.
    An error about the association of annotations is in `refused`: it concerns nothing else."""

    site: FileSite
    accounts: DeclaredAccounts
    live: Mapping[ServiceAccountRef, Association]
    unreadable: Mapping[ServiceAccountRef, PodidError]
    roles: Mapping[str, RolePlanned]
    ownership: Ownership
    history: Callable[[Declaration], TagHistory]
    unmarked: UnmarkedOwners
    guards: Sequence[Guard] = ()
    # why annotations are ignored
    refused: dict[ServiceAccountRef, PodidError] = field(default_factory=dict)
    conflicts: list[FileConflict] = field(default_factory=list)
    unread: list[NotRead] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unchanged: int = 0
    _read: dict[str, ResolvedRole | PodidError] = field(default_factory=dict)

    def plan(self) -> Plan:
        """Return the plan of the changed associations, with the service accounts to create first."""
        desired: dict[ServiceAccountRef, DesiredAssociation] = {}
        for ref, account in self.accounts.by_ref.items():
            if ref in self.unreadable:
                self.unread.append(NotRead(f"association of {ref}", self.unreadable[ref]))
                continue
            item = self._allowed(account) if account.annotated else self._desired(account, self.live.get(ref))
            if item is not None and not self._has_unread_role(item):
                desired[ref] = item
        plan = self._with_roles(desired)
        plan = replace(plan, actions=(*self._service_accounts(), *plan.actions), separate=True)
        return plan.noting(tuple(dict.fromkeys((*self.accounts.notes, *self.notes))))

    def _allowed(self, account: DeclaredAccount) -> DesiredAssociation | None:
        """Return the association of annotations, unless it must not become so: by its values, by another owner, by a
        guard or by IAM Access Analyzer."""
        site, existing = self.site, self.live.get(account.ref)
        role = self.roles.get(role_name(account.item.role).lower())
        try:
            if role is not None and role.conflict is not None:
                raise role.conflict.error
            item = self._desired(account, existing)
            if item is None:
                return None
            alone = Plan(header=site.place.header, actions=(plan_one(item, existing),))
            for guard in self.guards:
                for at, key, reason in violations(guard, alone, site.clients):
                    raise Conflict(f"{at}: guard.{key}: {reason}", subject=str(account.ref))
            validated(alone, site.clients)
        except (UsageError, NotFound, Conflict) as error:
            self.refused[account.ref] = error
            return None
        return item

    def _object(self, items: Sequence[DesiredAssociation], error: PodidError, key: str) -> None:
        """Record an error about associations together: those of annotations are refused before the files are at
        fault."""
        requested = [item.ref for item in items if self._is_annotated(item)]
        self.refused.update(dict.fromkeys(requested, error))
        if not requested:
            self.conflicts.append(self.accounts.by_ref[items[0].ref].conflict(error, key=key))

    def _is_annotated(self, item: DesiredAssociation) -> bool:
        return self.accounts.by_ref[item.ref].annotated

    def _desired(self, account: DeclaredAccount, existing: Association | None) -> DesiredAssociation | None:
        """Return the association if it must be created or changed."""
        item, declaration = account.item, account.declaration
        role = self._role(account, existing)
        if role is None:
            return None
        if item.target_role == role.arn:
            raise account.mistake("targetRole", "is the role of the association itself: omit it")
        settings = Settings(
            target_role_arn=item.target_role,
            disable_session_tags=not item.session_tags,
            policy=item.session_policy,
            tags=item.tags,
        )
        if existing is None:
            marked = replace(settings, tags={**declaration.owner_tag, **item.tags})
            return DesiredAssociation(account.ref, role, marked)
        mark = Mark.of(existing.tags, declaration, named=item.tags, owner_arn=existing.owner_arn)
        if mark.ours:
            place = self.site.place
            target = (place.region, place.cluster_name, str(account.ref))
            gone = self.history(declaration).removed(target, existing.tags, item.tags)
            settings = replace(settings, untag=gone)
        # EKS would restore an association of an add-on: compare it without the refusal
        action = plan_one(DesiredAssociation(account.ref, role, settings), replace(existing, owner_arn=None))
        mark = self.unmarked.of(mark, existing, written=bool(differences(action)) or self.ownership.adopt)
        decision = decide(f"association {account.ref}", mark, self.ownership, differences(action))
        error = decision.conflict
        if existing.owner_arn and (error is not None or decision.change):
            name = addon_name(existing.owner_arn)
            advice = f"Change it through the add-on: podid addon associate {name} {account.ref.name}."
            message = f"The add-on {name} owns the association of {account.ref}, which differs from the file"
            error = Conflict(message, advice=advice, lines=differences(action), subject=str(account.ref))
        if error is not None and account.annotated:
            raise error
        if error is not None:
            self.conflicts.append(account.conflict(error, owner=mark.words))
            return None
        if decision.note:
            self.notes.append(decision.note)
        if not decision.change:
            settings = Settings(tags={}, untag=())
            role = ResolvedRole(existing.role_arn, None)
        if decision.mark:
            settings = replace(settings, tags={**settings.tags, **declaration.owner_tag})
        desired = DesiredAssociation(account.ref, role, settings, kept=role.arn == existing.role_arn)
        action = plan_one(desired, existing)
        if action.before == action.after:
            self.unchanged += 1
            return None
        return desired

    def _role(self, account: DeclaredAccount, existing: Association | None) -> ResolvedRole | None:
        """Return the role of the association; None if it does not exist."""
        name, place = account.item.role, self.site.place
        planned = self.roles.get(role_name(name).lower())
        of_account = not name.startswith("arn:") or f":iam::{place.account}:" in name
        if planned is not None and of_account:
            if name.startswith("arn:") and name != planned.role.arn:
                raise account.mistake("role", f"{name} is not the ARN of the declared role, {planned.role.arn}")
            return planned.role
        held = existing.role_arn if existing is not None else ""
        if held and name in (held, role_name(held)):
            return ResolvedRole(held, None)
        return self._resolved(account, name)

    def _has_unread_role(self, item: DesiredAssociation) -> bool:
        """Record an association whose declared role could not be read: the trust policy may require a change, too.
        Tags do not depend on it."""
        planned = self.roles.get(role_name(item.role.arn).lower())
        unread = planned.unread if planned is not None else None
        if unread is None or not changes_settings(plan_one(item, self.live.get(item.ref))):
            return False
        self.unread.append(replace(unread, target=f"association of {item.ref}: {unread.target}"))
        return True

    def _resolved(self, account: DeclaredAccount, name: str) -> ResolvedRole | None:
        if name not in self._read:
            place = self.site.place
            try:
                self._read[name] = resolve_role(
                    self.site.clients, name, account=place.account, partition=place.the_cluster.partition
                )
            except (NotFound, InvalidInput) as error:
                self._read[name] = error
        answer = self._read[name]
        if isinstance(answer, PodidError):
            if account.annotated:
                self.refused[account.ref] = answer
                return None
            sentence = f"{account.item.place('role')}: role: {answer.message}"
            if isinstance(answer, InvalidInput):
                raise InvalidInput(sentence, advice=answer.advice, subject=name)
            self.missing.append(sentence)
            return None
        return answer

    def _with_roles(self, desired: Mapping[ServiceAccountRef, DesiredAssociation]) -> Plan:
        """Return the plan of the associations, with the trust policies of roles outside of the files."""
        place = self.site.place
        plan = Plan(header=place.header, actions=(), separate=True)
        for items in grouped((item.role.arn, item) for item in self._with_known_roles(desired.values())).values():
            plan = plan.then(self._of_role(items))
        changed = {action.target for action in plan.actions}
        targets = grouped(
            (arn, item)
            for item in desired.values()
            if (arn := item.settings.target_role_arn) and str(item.ref) in changed
        )
        current = {ref: self.live.get(ref) for ref in desired}
        request = TargetRequest(arn="", profile=None, update=self.ownership.update_trust)
        declared = {item.role.arn: item.role.role for item in self.roles.values() if item.role.role is not None}
        for items in targets.values():
            try:
                for at_target in plan_targets(self.site.clients, place, items, current, request, declared):
                    plan = at_target.around(plan)
            except (Conflict, NotFound) as error:
                self._object(items, error, "targetRole")
        return plan

    def _with_known_roles(self, items: Iterable[DesiredAssociation]) -> list[DesiredAssociation]:
        """Return the associations with the trust policies of their roles, if these are required and were not read."""
        known = []
        for item in items:
            unread = item.role.role is None and item.role.denied is None
            declared = role_name(item.role.arn).lower() in self.roles
            if unread and not declared and changes_settings(plan_one(item, self.live.get(item.ref))):
                role = self._resolved(self.accounts.by_ref[item.ref], item.role.arn)
                if role is None:
                    continue
                item = replace(item, role=role)
            known.append(item)
        return known

    def _of_role(self, items: Sequence[DesiredAssociation]) -> Plan:
        """Plan associations with the same role. Those that its trust policy does not allow are conflicts."""
        place, current = self.site.place, {item.ref: self.live.get(item.ref) for item in items}
        declared = self.roles.get(role_name(items[0].role.arn).lower())
        change = AssociationChange(replace=True, update_trust=self.ownership.update_trust and declared is None)
        remaining, quota = list(items), self.site.clients.trust_quota
        while remaining:
            try:
                return plan_associations(remaining, change, place.the_cluster, place.header, current, quota)
            except NotAllowed as error:
                for ref in error.refs:
                    lines = (error.message, *error.lines)
                    own = next((line for line in lines if f"allow {ref} " in line), error.message)
                    single = Conflict(own, hint=error.hint, advice=error.advice, subject=str(ref))
                    if declared is not None:
                        single = Conflict(
                            own, advice="Change the trust policy of the role in the file.", subject=str(ref)
                        )
                    self._object([item for item in remaining if item.ref == ref], single, "role")
                refused = error.refs
                remaining = [item for item in remaining if item.ref not in refused]
            except Conflict as error:
                for item in list(filter(self._is_annotated, remaining)) or remaining:
                    self._object((item,), error, "role")
                break
        return Plan(header=place.header, actions=(), separate=True)

    def _service_accounts(self) -> tuple[Action, ...]:
        refs = [ref for ref, account in self.accounts.by_ref.items() if account.item.create_service_account]
        if not refs:
            return ()
        try:
            refs = absent(refs, self.site.clients.kube.reader)
        except PodidError as error:
            self.unread.append(NotRead("service accounts to create", error))
            return ()
        return tuple(SERVICE_ACCOUNT.action(None, SERVICE_ACCOUNT.state_of(ref)) for ref in refs)
