"""Roles of other accounts: EKS accepts only roles of the cluster's account. Therefore a base role of this account
assumes the old role, which becomes the association's target role."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from podid.aws.iam import Iam
from podid.domain import trust
from podid.domain.aws import UnreadAssociation, described
from podid.domain.grouping import grouped
from podid.domain.migration import Blocker, MigrationItem
from podid.domain.names import Arn, ServiceAccountRef, role_name
from podid.domain.plan import Action, Header, Place, Plan, matches, text
from podid.domain.snapshot import Snapshot, known_or
from podid.domain.trust import ScopeKind
from podid.ops.association.associate import AssociateRequest, Associating
from podid.ops.association.files import FileItem
from podid.ops.association.request import AssociateOptions, AssociationChange, SettingOptions, Settings
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, ROLE, ROLE_POLICY, TARGET_TRUST
from podid.ops.change.kinds.association import ref_of
from podid.ops.change.kinds.trusts import trust_policy_of
from podid.ops.clients import Clients
from podid.ops.migrate.candidates import MigrationCandidate, in_account
from podid.ops.role.request import RoleRequest
from podid.ops.role.target import owner_change_words

UNCHECKED = "target-role-trust-broken"


@dataclass(frozen=True, slots=True)
class BaseRole:
    """The base role `name`; without a name podid creates none. `profile` has credentials of the old roles' account.
    `plan` creates the role and the associations, and changes the trust policies of the old roles."""

    name: str = ""
    profile: str = ""
    plan: Plan | None = None

    def planned(
        self,
        clients: Clients,
        place: Place,
        journal: Journal,
        candidates: Sequence[MigrationCandidate],
        associated: Mapping[ServiceAccountRef, object],
        tags: Mapping[str, str],
    ) -> BaseRole:
        """Return it with its plan for those `candidates` whose role is in another account. Raise as `podid associate
        --create-role --target-role` does."""
        foreign = [c for c in candidates if not in_account(c.role_arn, place) and c.ref not in associated]
        if not self.name or not foreign:
            return self
        items = {
            c.ref: FileItem(c.ref, role=self.name, settings=Settings(target_role_arn=c.role_arn, tags=tags))
            for c in foreign
        }
        request = AssociateRequest(
            items=tuple(items.values()),
            options=AssociateOptions(
                role=self.name,
                change=AssociationChange(update_trust=True),
                settings=SettingOptions(target_profile=self.profile),
            ),
            new_role=RoleRequest(name=self.name, refs=tuple(items), scope=ScopeKind.SERVICE_ACCOUNT, update_trust=True),
        )
        work = Associating(
            clients=clients,
            place=place,
            journal=journal,
            request=request,
            items=items,
            current=dict.fromkeys(items),
            say=lambda text: None,
        )
        return replace(self, plan=work.plan())

    def covers(self, candidate: MigrationCandidate) -> bool:
        """Return whether the plan gives the candidate's service account the base role."""
        plan = self.plan
        return plan is not None and any(
            action.kind == ASSOCIATION.name and ref_of(action.keys) == candidate.ref for action in plan.actions
        )

    def blocker(self, candidate: MigrationCandidate) -> Blocker | None:
        """Return the blocker of an old role that does not allow the base role, as far as podid can read it: new pods
        would get no credentials until the base role is allowed."""
        arn, owner_changes = candidate.role_arn, self.plan.owner_changes if self.plan is not None else ()
        owner_change = next((change for change in owner_changes if change.target_role_arn == arn), None)
        if owner_change is None:
            return None
        message = (
            f"podid cannot check whether role {role_name(arn)} allows role {self.name} to assume it. Pass "
            f"--target-profile with credentials of account {Arn.parse(arn).account}, or --accept {UNCHECKED} if the "
            f"role's owner has allowed it: {owner_change_words(owner_change)}"
        )
        return Blocker(UNCHECKED, message)

    def part(self, candidates: Sequence[MigrationCandidate]) -> Plan | None:
        """Return the plan for these candidates only; None if it covers none. The base role is for all of them."""
        own = [candidate for candidate in candidates if self.covers(candidate)]
        if self.plan is None or not own:
            return None
        refs, arns = {candidate.ref for candidate in own}, {candidate.role_arn for candidate in own}

        def belongs(action: Action) -> bool:
            if action.kind == ASSOCIATION.name:
                return ref_of(action.keys) in refs
            return action.kind != TARGET_TRUST.name or action.keys["targetRoleArn"] in arns

        return replace(self.plan, actions=tuple(filter(belongs, self.plan.actions)))


def with_remaining_base_role(
    items: Iterable[MigrationItem], header: Header, journal: Journal
) -> Iterator[ServiceAccountRef]:
    """Yield the service accounts whose rollback has deleted the association, but not the base role."""
    newest = {ref_of(action.keys): action for action in reversed(journal.changes(header, ASSOCIATION.name))}
    for item in items:
        action = newest.get(item.ref)
        if action is not None and action.after is None and text(action.before, "targetRoleArn") == item.role_arn:
            keys = {"roleName": role_name(text(action.before, "roleArn"))}
            if journal.last_made(header, ROLE.name, keys) is not None:
                yield item.ref


def base_role_back(
    snapshot: Snapshot, header: Header, journal: Journal, iam: Iam, deletions: Collection[Action]
) -> tuple[list[Action], list[str]]:
    """Return the changes that delete the base roles of these associations, which a rollback deletes or has deleted, and
    the statements in the trust policies of their target roles, as far as this journal has created them; and notes on
    what stays."""
    actions: list[Action] = []
    notes: list[str] = []
    deleted = {ref_of(deletion.keys) for deletion in deletions}
    listed = known_or(snapshot.associations, ())
    remaining = [a for a in described(listed) if a.ref not in deleted]
    unread = [a for a in listed if isinstance(a, UnreadAssociation)]
    creations = journal.newest_steps(header.account, (ROLE.name,))
    migrated = {step.action.target for run, step in creations if ("migrate", "apply") in pairwise(run.command)}
    chains = {(text(a.before, "roleArn"), text(a.before, "targetRoleArn")) for a in deletions}
    for arn, targets in sorted(grouped(chain for chain in chains if chain[1]).items()):
        name = role_name(arn)
        keys = {"roleName": name}
        state = journal.last_made(header, ROLE.name, keys) if name in migrated else None
        role = iam.find_role(name)
        if role is None:
            continue
        if any(a.role_arn == arn for a in remaining):
            notes.append(f"base role {name} stays, because other associations use it")
            continue
        if unread:
            notes.append(f"base role {name} stays: it is not known whether {unread[0].ref} uses it")
            continue
        if state is None:
            notes.append(f"base role {name} stays: this journal has no migration that created it")
            continue
        if not matches(ROLE.held(state), ROLE.state_of(role)):
            # another cluster needs a statement of its own in the trust policy
            notes.append(f"base role {name} stays: it has changed since the migration created it")
            continue
        for target in sorted(targets):
            recorded = journal.changes(header, TARGET_TRUST.name, {"targetRoleArn": target})
            if not recorded or (newest := recorded[0].after) is None:
                continue
            # the target role may also trust other base roles
            edit = trust.remove_principals(trust.parse_policy(trust_policy_of(newest)), {arn})
            if edit.changed:
                after = {**newest, "policyDocument": edit.policy.to_document()}
                actions.append(TARGET_TRUST.action(newest, after, note="the base role is deleted"))
        recorded = journal.changes(header, ROLE_POLICY.name)
        # the newest change of each
        policies = {a.target: a for a in reversed(recorded) if a.keys["roleName"] == name}
        actions += [ROLE_POLICY.action(a.after, None) for a in policies.values() if a.after is not None]
        actions.append(ROLE.action(state, None))
    return actions, notes
