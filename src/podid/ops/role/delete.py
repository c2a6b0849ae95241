"""Plan the deletion of a role with its policies, and of the roles that a failed run created."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from podid.domain import errors, trust
from podid.domain.aws import Role, RolePolicies
from podid.domain.grouping import grouped
from podid.domain.iam import assume_permissions
from podid.domain.names import Arn, parse_role_arn, role_name
from podid.domain.plan import Action, ChangeResult, Consent, Done, Header, Place, Plan, Status, Verb, text
from podid.domain.section import Missing, Section, Unread
from podid.domain.text import short_list
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import (
    ASSOCIATION,
    ROLE,
    ROLE_ATTACHMENT,
    ROLE_POLICY,
    ROLE_TRUST,
    SERVICE_ACCOUNT,
    TARGET_TRUST,
    kind_of,
)
from podid.ops.change.narrowing import with_dependents
from podid.ops.change.users import check_unused, last_use, uses_after
from podid.ops.clients import Clients, Site
from podid.ops.role.plan import adopted_by, check_not_aws, later_tag_notes, made_here, others
from podid.ops.role.resolve import own_role
from podid.ops.role.target import TargetRequest, read_target
from podid.ops.role.uses import Uses, read_profiles


@dataclass(frozen=True, slots=True)
class RoleContents:
    """A role with its policies and its users. `profiles` are names of instance profiles, `unread` what of them, and of
    managed policies, could not be read. `targets` are the roles, by ARN, that its policies allow it to assume.
    `target_profile` has the credentials for those of another account; None if the command has no option for it."""

    role: Role
    policies: RolePolicies
    uses: Uses
    targets: Mapping[str, Section[Role | None]]
    target_profile: str | None = None
    profiles: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def profile_notes(self) -> tuple[str, ...]:
        """Return a note if the role has no target role in another account, for which the profile is."""
        account = Arn.parse(self.role.arn).account
        if not self.target_profile or any(Arn.parse(arn).account != account for arn in self.targets):
            return ()
        return (f"--target-profile was not used: role {self.role.name} assumes no role of another account",)

    @classmethod
    def read(cls, clients: Clients, role: Role, uses: Uses, target_profile: str | None = None) -> Self:
        policies = clients.iam.get_policies(role.name)
        documents, unread = _documents(clients, policies)
        arns = [arn for arn in assume_permissions(documents).assume if arn != role.arn and _is_role(arn)]
        targets = _read_targets(clients, Arn.parse(role.arn).account, arns, target_profile)
        profiles, not_listed = read_profiles(clients.iam, role.name)
        return cls(role, policies, uses, targets, target_profile, profiles, (*unread, *not_listed))


def _documents(clients: Clients, policies: RolePolicies) -> tuple[list[Mapping[str, object]], list[Unread]]:
    """Return the role's policies that can name target roles, and those that could not be read. AWS managed policies
    name no roles."""
    documents, unread = list(policies.inline.values()), list[Unread]()
    arns = [policy.arn for policy in policies.attached if Arn.parse(policy.arn).account != "aws"]
    for arn, document in clients.iam.get_managed_documents(arns):
        if isinstance(document, errors.CredentialsError):
            raise document
        if isinstance(document, errors.PodidError):
            unread.append(Unread.of(f"target roles in managed policy {arn}", document))
        else:
            documents.append(document)
    return documents, unread


def _read_targets(
    clients: Clients, account: str, arns: Collection[str], profile: str | None
) -> dict[str, Section[Role | None]]:
    """Return the target roles: those of the account, and with a `profile` those of the account of its credentials."""
    reached = clients.aws_of(profile).sts.get_caller().account if profile and arns else account
    others = None if profile is None else ""
    requests = (
        TargetRequest(arn=arn, profile=profile if account != parse_role_arn(arn).account == reached else others)
        for arn in arns
    )
    return {request.arn: read_target(clients, request, account) for request in requests}


def _is_role(resource: str) -> bool:
    try:
        return bool(parse_role_arn(resource))
    except errors.InvalidInput:
        return False


def plan_deleting(
    clients: Clients,
    place: Place,
    journal: Journal,
    name: str,
    *,
    done: Iterable[Action],
    ignore_not_found: bool,
    adopt: bool,
    update_trust: bool,
    target_profile: str | None = None,
) -> tuple[Plan, Consent | None]:
    """Plan the deletion of the role with this name or ARN. `done` are the actions of an interrupted run of the same
    command. Raise NotFound with the nearest names, unless `ignore_not_found`, and Conflict as `plan_delete` does."""
    try:
        role = own_role(clients, name)
    except errors.NotFound as error:
        deleted = {action.target for action in done if action.kind == ROLE.name}
        if not ignore_not_found and role_name(name) not in deleted:
            if not isinstance(error.hint, errors.Again):  # no similar name
                error.hint = errors.Again(add=("--ignore-not-found",))
            raise
        gone = ROLE.action({"roleName": role_name(name)}, None)
        return Plan(header=place.header, actions=(), unchanged=(gone,)), None
    site = Site(clients, place.header)
    contents = RoleContents.read(clients, role, site.uses, target_profile)
    if not adopt:
        check_not_adopted(journal, place, role, errors.Again(add=("--adopt",)))
    ours = made_here(journal, place, role)
    plan = plan_delete(contents, place.header, ours=ours, adopt=adopt, update_trust=update_trust)
    plan = plan.noting((*contents.profile_notes, *later_tag_notes(journal, place, role)))
    plan = with_dependents(plan, site)
    word = role.name if len(plan.actions) > 1 or site.uses.unread else ""
    return plan, Consent(question=f"Delete role {role.name}?", needed_for="Deleting a role", word=word)


def check_not_adopted(journal: Journal, place: Place, role: Role, hint: errors.Hint) -> None:
    """Raise Conflict if a declaration adopted the role: its next `podid apply` would create the role again."""
    if file := adopted_by(journal, place, role):
        message = f"Declaration {file} adopted role {role.name} after podid created it (podid apply)"
        raise errors.Conflict(message, hint=hint, subject=role.name)


def plan_delete(contents: RoleContents, header: Header, *, ours: bool, adopt: bool, update_trust: bool) -> Plan:
    """Plan the deletion, with `update_trust` also of the role's access to its target roles. Raise Conflict while the
    role is in use, and for a role that podid did not create here unless `adopt`."""
    role = contents.role
    check_not_aws(role)
    check_unused(role, contents.uses.of(role.arn), contents.profiles)
    if not ours and not adopt:
        raise errors.Conflict(
            f"Role {role.name} was not created by podid, according to its journal",
            hint=errors.Again(add=("--adopt",)),
            lines=(*others(role, stays=False), last_use(role)),
            subject=role.name,
        )
    at_targets, of_targets = _of_targets(contents, update=update_trust)
    actions = [
        *at_targets,
        *(
            ROLE_ATTACHMENT.action(ROLE_ATTACHMENT.state_of(role.name, policy.arn), None)
            for policy in contents.policies.attached
        ),
        *(
            ROLE_POLICY.action(ROLE_POLICY.state_of(role.name, name, document), None)
            for name, document in contents.policies.inline.items()
        ),
        ROLE.action(ROLE.state_of(role), None),
    ]
    notes = (
        *others(role, stays=False),
        last_use(role),
        *(f"not checked: {item}" for item in contents.unread),
        *of_targets,
        *ROLE.once_deleted,
    )
    return Plan(header=header, actions=tuple(actions), notes=notes)


def _of_targets(contents: RoleContents, *, update: bool) -> tuple[list[Action], list[str]]:
    """Return the changes that remove the role from the trust policies of target roles, and notes on those that stay.
    IAM replaces the ARN of a deleted role with its ID, and rejects later changes of a trust policy with such an ID."""
    role, actions, notes = contents.role, list[Action](), list[str]()
    for arn, section in contents.targets.items():
        account = parse_role_arn(arn).account
        at_home = account == Arn.parse(role.arn).account
        if isinstance(section, Missing):
            how = ""
            if not at_home and contents.target_profile is not None:
                how = f", or pass --update-trust and --target-profile with credentials of account {account}"
            notes.append(
                f"if the trust policy of target role {arn} names role {role.name}, first remove that statement{how}: "
                "IAM replaces the ARN of a deleted role with its ID"
            )
            continue
        if (target := section.value) is None:
            continue
        try:
            edit = trust.remove_principals(trust.parse_policy(target.trust), {role.arn})
        except errors.InvalidInput as error:
            notes.append(f"the trust policy of target role {arn} cannot be read: {error.message}")
            continue
        if edit.refused:
            notes.append(f"the trust policy of target role {arn} keeps role {role.name}: {edit.reason}")
        elif edit.changed and update:
            why = f"role {role.name} is deleted"
            if at_home:
                actions.append(ROLE_TRUST.change(target, edit.policy, note=why))
                continue
            state = TARGET_TRUST.state_at(target, {"profile": contents.target_profile or ""})
            after = {**state, "policyDocument": edit.policy.to_document()}
            actions.append(TARGET_TRUST.action(state, after, note=why))
        elif edit.changed:
            notes.append(
                f"the trust policy of target role {arn} names role {role.name}: IAM replaces the ARN of a deleted role "
                f"with its ID and rejects later changes; pass --update-trust to remove the statement first"
            )
    return actions, notes


def plan_delete_after(
    clients: Clients,
    journal: Journal,
    place: Place,
    arn: str,
    earlier: Iterable[Action],
    *,
    update_trust: bool,
    target_profile: str,
) -> Plan:
    """Plan the deletion of the role after the `earlier` actions. Raise Conflict if podid did not create it
    here, or while anything else uses it or may assume it."""
    name = role_name(arn)
    role = clients.iam.find_role(name)
    if role is None or role.arn != arn:
        gone = ROLE.action({"roleName": name}, None)
        return Plan(header=place.header, actions=(), unchanged=(gone,), separate=True)
    trusted = trust.other_principals(trust.parse_policy(role.trust))
    ours = made_here(journal, place, role)
    if trusted or not ours:
        why = f"also trusts {short_list(trusted)}" if ours else "was not created by podid, according to its journal"
        raise errors.Conflict(
            f"Role {name} {why}: --delete-role cannot delete it",
            hint=errors.Other(("role", "show"), (name,)),
            subject=name,
        )
    check_not_adopted(journal, place, role, errors.Other(("role", "show"), (name,)))
    uses = uses_after(Site(clients, place.header).uses, place.header, earlier)
    contents = RoleContents.read(clients, role, uses, target_profile)
    plan = plan_delete(contents, place.header, ours=True, adopt=False, update_trust=update_trust)
    return plan.noting((*contents.profile_notes, *later_tag_notes(journal, place, role))).in_order()


_PARTS = (ROLE.name, ROLE_POLICY.name, ROLE_ATTACHMENT.name)


@dataclass(frozen=True, slots=True)
class RoleRollback:
    """`plan` deletes the roles `names`, with their policies and the service accounts that were created for them.
    `whole` is whether nothing of the run remains then."""

    result: ChangeResult
    names: tuple[str, ...]
    plan: Plan
    whole: bool

    @property
    def subject(self) -> str:
        return f"{'role' if len(self.names) == 1 else 'roles'} {short_list(self.names)}"

    def error(self) -> errors.PodidError:
        """Return the failure, with the advice that the run deleted the roles."""
        assert self.result.error is not None
        subject, were = self.subject, "was" if len(self.names) == 1 else "were"
        self.result.error.advise(f"{subject[0].upper()}{subject[1:]}, which this command created, {were} deleted.")
        return self.result.error

    def failed(self, failure: errors.PodidError) -> ChangeResult:
        """Return the result, and its error if that is printed alone, with the reason why the roles remain."""
        assert self.result.error is not None
        note = f"{self.subject}, which this command created, could not be deleted: {failure.message}"
        if not self.result.worked:
            self.result.error.lines = (*self.result.error.lines, note)
        return replace(self.result, notes=(*self.result.notes, note))

    def after(self) -> ChangeResult:
        """Return the result after the rollback: the actions that were rolled back count as failed."""
        assert self.result.error is not None
        gone = {(action.kind, action.target) for action in self.plan.actions}
        reason = f"rolled back: {self.result.error.message}"
        done = tuple(
            Done(item.action, Status.FAILED, reason=reason, error=self.result.error)
            if (item.action.kind, item.action.target) in gone and item.status is Status.DONE
            else item
            for item in self.result.done
        )
        return replace(self.result, done=done)


def plan_rollback(result: ChangeResult, journal: Journal, command: tuple[str, ...]) -> RoleRollback | None:
    """Plan the deletion of the roles that the failed run, or the unfinished runs of the `command` that it continues,
    created and that nothing uses. None if a change of unknown outcome may use them, since the next run completes it,
    if every change was made and only not shown in time, and if only the target role refuses, which its owner can
    allow."""
    if isinstance(result.error, errors.TimedOut) and all(
        item.status in (Status.DONE, Status.UNCHANGED) for item in result.done
    ):
        return None
    if result.error is None or _unknown(result) or result.failed_kind == TARGET_TRUST.name:
        return None
    earlier = (run for run in reversed(journal.unfinished(command, result.plan.header)) if not run.running)
    latest = _latest((*(done for run in earlier for done in run.outcomes), *result.done))
    done = [item for item in latest if item.status is Status.DONE]
    arns = {item.action.keys["roleName"]: text(item.after, "roleArn") for item in done if _creates(item, ROLE.name)}
    uses = [json.dumps(item.after, default=str) for item in latest if item.action.kind not in _PARTS]
    names = tuple(name for name, arn in arns.items() if not any(f'"{arn}"' in use for use in uses))
    if not names:
        return None
    waiting = {
        item.action.target
        for item in result.done
        if item.action.kind == ASSOCIATION.name
        and item.status in (Status.FAILED, Status.BLOCKED)
        and text(item.action.after, "roleArn") in {arns[name] for name in names}
    }
    gone = [
        item
        for item in reversed(done)
        if (_creates(item, *_PARTS) and item.action.keys["roleName"] in names)
        or (_creates(item, SERVICE_ACCOUNT.name) and item.action.target in waiting)
    ]
    states = [(item.action, item.after if item.after is not None else item.action.after) for item in gone]
    actions = tuple(kind_of(action.kind).action(state, None) for action, state in states)
    plan = Plan(header=result.plan.header, actions=actions)
    return RoleRollback(result, names, plan, whole=len(gone) == len(done))


def _latest(outcomes: Iterable[Done]) -> list[Done]:
    """Return the last outcome of each resource, with all its changes as one. Omit resources that are as before."""
    carried_out = (item for item in outcomes if item.status in (Status.DONE, Status.UNCHANGED))
    by_resource = grouped(((item.action.kind, item.action.target), item) for item in carried_out).values()
    latest = ((first.action, last) for first, *_, last in ((items[0], *items) for items in by_resource))
    whole = (
        replace(last, action=kind_of(first.kind).action(first.before, last.action.after)) for first, last in latest
    )
    return [item for item in whole if item.action.verb is not Verb.NONE]


def _unknown(result: ChangeResult) -> bool:
    """Return whether a change of unknown outcome may have been made. After --timeout, no change is tried."""
    failed = (item.error for item in result.done if item.status is Status.FAILED)
    return any(isinstance(error, errors.Unavailable) for error in failed)


def _creates(item: Done, *kinds: str) -> bool:
    return item.status is Status.DONE and item.action.verb is Verb.CREATE and item.action.kind in kinds
