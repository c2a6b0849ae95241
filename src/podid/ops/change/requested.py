"""Judge a plan from elsewhere: the actions of a journal, a saved plan, or a client of the MCP server.

Such a plan is a request, not an approval. `RULES` has the rules of typed commands that hold again when it is applied:
an action is refused, requires a flag on this command line, or requires an answer at a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Literal

from podid.calls import pacing
from podid.domain import trust
from podid.domain.aws import Role, owned_by_aws
from podid.domain.declaration import OWNER_KEY, scope_of
from podid.domain.errors import Again, Conflict, InvalidInput, PodidError
from podid.domain.names import AGENT_ADDON, AWS_MANAGED, PODS_PRINCIPAL, Arn, role_name, role_path
from podid.domain.owners import created_by_podid
from podid.domain.plan import Action, Plan, Verb, document, text, texts
from podid.ops.change.granting import OF_POLICIES, granted_by
from podid.ops.change.kinds import (
    ADDON,
    ASSOCIATION,
    OIDC_PROVIDER,
    ROLE,
    ROLE_ATTACHMENT,
    ROLE_POLICY,
    ROLE_SETTINGS,
    ROLE_TRUST,
    SERVICE_ACCOUNT,
    kind_of,
)
from podid.ops.clients import Clients


class RequestSource(StrEnum):
    """The origin of a plan, as messages name it."""

    JOURNAL = "journal"
    PLAN = "saved plan"
    CLIENT = "MCP client"


ADOPT, UPDATE_TRUST, TAKE_OVER = "--adopt", "--update-trust", "--take-over"


@dataclass(frozen=True, slots=True)
class Objection:
    """A reason not to carry out an action as it is. `flag` allows it, if there is one."""

    sentence: str
    flag: str = ""
    subject: str = ""


@dataclass(frozen=True, kw_only=True)
class Requested:
    """A plan from elsewhere. `before` of its actions is the state that was read. `owners` are the marks, by key and
    name, of the files whose plan it is. `proven` is whether its signature was checked: podid made it from these files.
    `recorded_caller` made the run of a journal."""

    source: RequestSource
    plan: Plan
    clients: Clients
    owners: frozenset[tuple[str, str]] = frozenset()
    flags: frozenset[str] = frozenset()
    proven: bool = False
    recorded_caller: str = ""

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """Return the roles of the plan's account that exist, by name."""
        names = dict.fromkeys(action.keys["roleName"] for action in self.plan.actions if "roleName" in action.keys)
        if not names:
            return {}
        answers = dict(pacing.fan_out(pacing.attempt(self.clients.iam.find_role), names))
        for answer in answers.values():
            if isinstance(answer, PodidError):
                raise answer
        return {name: role for name, role in answers.items() if isinstance(role, Role)}

    @cached_property
    def granted(self) -> Mapping[str, str]:
        """Return the sentence about the ways to more permissions that the plan opens, by the name of the role."""
        return granted_by(self.clients.iam, self.plan.actions, self.roles)

    def role(self, action: Action) -> Role | None:
        return self.roles.get(action.keys.get("roleName", ""))

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Return whether the tags have the mark of a file of the plan. Only a signed plan can have a mark under
        another key than podid's."""
        marks = self.owners if self.proven else {mark for mark in self.owners if mark[0] == OWNER_KEY}
        return any(tags.get(key) == name for key, name in marks)


Judge = Callable[[Requested, Action], Iterator[Objection]]
# what an objection of a rule means: it is final, a flag of this command line allows the action, or an answer does
Remedy = Literal["none", "flag", "answer"]


@dataclass(frozen=True, slots=True)
class RequestRule:
    """`title` is the row of the table in SECURITY.md. `sources` are the plans that the rule judges. An `early` rule
    needs no reading."""

    title: str
    remedy: Remedy
    judge: Judge
    sources: frozenset[RequestSource] = frozenset(RequestSource)
    early: bool = False


def check_unread(requested: Requested) -> None:
    """Raise Conflict for actions that are refused whatever exists: their resources must not even be read."""
    _refuse(requested, [rule for rule in RULES if rule.early])


def check_requested(requested: Requested) -> tuple[str, ...]:
    """Return sentences on actions that require an answer at a terminal, even with --yes. Raise Conflict for actions
    that are refused, and for those that require a flag, with the flags."""
    _refuse(requested, [rule for rule in RULES if rule.remedy != "answer"])
    answers = _objections(requested, [rule for rule in RULES if rule.remedy == "answer"])
    return tuple(dict.fromkeys((*_other_caller(requested), *(item.sentence for item in answers))))


def _objections(requested: Requested, rules: Sequence[RequestRule]) -> Iterator[Objection]:
    for rule in rules:
        if requested.source in rule.sources:
            for action in requested.plan.actions:
                yield from rule.judge(requested, action)


def _refuse(requested: Requested, rules: Sequence[RequestRule]) -> None:
    refused = [item for item in _objections(requested, rules) if item.flag not in requested.flags]
    if never := [item for item in refused if not item.flag]:
        first, *more = dict.fromkeys(item.sentence for item in never)
        raise Conflict(first, lines=tuple(more), subject=never[0].subject)
    if refused:
        first, *more = dict.fromkeys(item.sentence for item in refused)
        flags = tuple(dict.fromkeys(item.flag for item in refused))
        advice = f"A {requested.source} is not an approval: {' and '.join(flags)} must be passed again."
        raise Conflict(first, hint=Again(add=flags), lines=tuple(more), advice=advice, subject=refused[0].subject)


def _other_caller(requested: Requested) -> Iterator[str]:
    recorded, caller = requested.recorded_caller, requested.plan.header.caller_arn
    if recorded and _principal(recorded) != _principal(caller) and requested.plan.actions:
        yield f"the run was made by {recorded}, not by {caller}"


def _principal(arn: str) -> str:
    """Return the caller without its session name, which differs between sessions."""
    head, marker, session = arn.partition(":assumed-role/")
    return f"{head}{marker}{session.rpartition('/')[0]}" if marker else arn


def role_of(action: Action) -> str:
    return action.keys.get("roleName") or role_name(action.keys.get("targetRoleArn", ""))


# --- refused ----------------------------------------------------------------------------------------------------------

# what podid plan writes into a saved plan
_PLANNED: Mapping[str, frozenset[Verb]] = {
    ADDON.name: frozenset({Verb.CREATE, Verb.UPDATE}),
    ROLE.name: frozenset({Verb.CREATE, Verb.DELETE}),
    ROLE_POLICY.name: frozenset({Verb.CREATE, Verb.UPDATE, Verb.DELETE}),
    ROLE_ATTACHMENT.name: frozenset({Verb.CREATE, Verb.DELETE}),
    ROLE_SETTINGS.name: frozenset({Verb.UPDATE}),
    ROLE_TRUST.name: frozenset({Verb.UPDATE}),
    ASSOCIATION.name: frozenset({Verb.CREATE, Verb.UPDATE, Verb.DELETE}),
    SERVICE_ACCOUNT.name: frozenset({Verb.CREATE}),
}


def _unplanned(requested: Requested, action: Action) -> Iterator[Objection]:
    """Refuse an action that no file can declare."""
    subject, after = kind_of(action.kind).subject(action), action.after or {}
    if action.verb not in _PLANNED.get(action.kind, frozenset()):
        yield Objection(f"A plan of files does not {action.verb} a {action.kind}: {subject}", subject=action.target)
    elif action.kind == ADDON.name and (
        action.target != AGENT_ADDON or text(after, "resolveConflicts") not in ("", "NONE") or after.get("roles")
    ):
        yield Objection(f"A plan of files does not change {subject} in this way", subject=action.target)
    elif action.kind == SERVICE_ACCOUNT.name and after.get("copyOf"):
        yield Objection(f"A plan of files does not copy {subject}", subject=action.target)


def _of_aws(requested: Requested, action: Action) -> Iterator[Objection]:
    arn, name = action.keys.get("targetRoleArn", ""), action.keys.get("roleName", "")
    path = role_path(arn) if arn else text(action.after, "path")
    role = requested.role(action)
    if owned_by_aws(path) or (role is not None and role.service_linked):
        words = f"Role {name or role_name(arn)} belongs to AWS: podid does not change it"
        yield Objection(f"{words}, whatever the {requested.source} contains", subject=name or arn)


def _any_principal(requested: Requested, action: Action) -> Iterator[Objection]:
    for statement in _new_statements(requested, action):
        if statement.not_principal or any(name == "*" for _, name in statement.principals):
            message = f"{statement.label} in the {requested.source} would allow any principal to assume role"
            yield Objection(f"{message} {role_of(action)}; podid does not write it", subject=role_of(action))


def _new_statements(requested: Requested, action: Action) -> Iterator[trust.Statement]:
    """Yield the Allow statements of a trust policy that the action adds, and all of them if it removes a Deny that
    limited them."""
    present, after = _policies(requested, action)
    kept = [trust.meaning(item.raw) for item in after]
    limited = any(not item.allow and trust.meaning(item.raw) not in kept for item in present)
    yield from (item for item in (after if limited else _added(requested, action)) if item.allow)


def _added(requested: Requested, action: Action) -> list[trust.Statement]:
    present, after = _policies(requested, action)
    known = [trust.meaning(item.raw) for item in present]
    return [item for item in after if trust.meaning(item.raw) not in known]


def _policies(requested: Requested, action: Action) -> tuple[tuple[trust.Statement, ...], ...]:
    """Return the statements of the trust policy before and after the action; none if it is about none."""
    member = kind_of(action.kind).policy
    if not member or action.after is None:
        return (), ()
    before = () if action.before is None else _statements(requested, document(action.before, member))
    return before, _statements(requested, document(action.after, member))


def _statements(requested: Requested, policy: Mapping[str, object]) -> tuple[trust.Statement, ...]:
    try:
        return trust.parse_policy(policy).statements
    except InvalidInput as error:
        raise Conflict(f"A trust policy in the {requested.source} cannot be read: {error.message}") from error


# members of states that name something of the plan's own account
_OF_ACCOUNT = ("roleArn", "policyArn", "permissionsBoundary", "serviceAccountRoleArn")


def _elsewhere(requested: Requested, action: Action) -> Iterator[Objection]:
    account, states = requested.plan.header.account, (action.after or {}, action.keys)
    partition = Arn.parse(requested.plan.header.caller_arn).partition
    arns = dict.fromkeys(text(state, member) for state in states for member in _OF_ACCOUNT)
    for arn in filter(None, arns):
        try:
            parsed = Arn.parse(arn)
        except InvalidInput:
            yield Objection(f"{arn} is not an ARN", subject=action.target)
            continue
        own = parsed.account == account or (parsed.account == "aws" and AWS_MANAGED in arn)
        if not own or parsed.partition != partition or parsed.service != "iam":
            words = f"{kind_of(action.kind).subject(action)}: {arn} is not in account {account}"
            yield Objection(f"{words} of the plan", subject=action.target)


# --- allowed by a flag ------------------------------------------------------------------------------------------------


def _unowned(requested: Requested, action: Action) -> Iterator[Objection]:
    """Judge a change of a role or an association that exists and has no mark of the plan's files."""
    role = requested.role(action)
    if role is not None:
        subject, tags = f"role {role.name}", role.tags
    elif action.kind == ASSOCIATION.name and action.before is not None:
        subject, tags = f"association of {action.target}", texts(action.before, "tags")
    else:
        return
    if requested.owns(tags):
        return
    if file := tags.get(OWNER_KEY, ""):
        yield Objection(f"The {subject} belongs to {file}", subject=action.target)
    elif action.after is None and action.kind in (ROLE.name, ASSOCIATION.name):
        yield Objection(f"No file of the plan owns {subject}: podid does not delete it", subject=action.target)
    elif not requested.proven:
        flags = [UPDATE_TRUST] if action.kind == ROLE_TRUST.name else [ADOPT]
        if action.kind == ROLE_TRUST.name and _loses_statements(requested, action):
            flags.append(ADOPT)
        for flag in flags:
            yield Objection(f"No file of the plan owns {subject}, which exists", flag, subject=action.target)


def _loses_statements(requested: Requested, action: Action) -> bool:
    before, after = (
        [item.raw for item in _statements(requested, document(state, ROLE_TRUST.policy))]
        for state in (action.before or {}, action.after or {})
    )
    return any(raw not in after for raw in before)


# --- allowed by an answer ---------------------------------------------------------------------------------------------


def _trusts(requested: Requested, action: Action) -> Iterator[Objection]:
    """Judge the statements that a trust policy adds."""
    role = role_of(action)
    new = {item.target for item in requested.plan.actions if item.kind == OIDC_PROVIDER.name and item.after is not None}
    for statement in _new_statements(requested, action):
        # the condition on `aud` accepts every identity of the provider
        narrowed = any(not condition.name.endswith(":aud") for condition in statement.conditions)
        for kind, name in statement.principals:
            if kind == "Federated" and not narrowed:
                yield Objection(f"role {role} would trust every identity of {name}")
            elif kind == "Federated" and name in new:
                yield Objection(f"role {role} would trust {name}, which the plan creates")
        if strange := [name for kind, name in statement.principals if _is_strange(requested, kind, name)]:
            yield Objection(f"role {role} would trust {', '.join(strange)}")
        if requested.source is not RequestSource.PLAN:
            continue
        if not statement.principals:
            yield Objection(f"role {role} would have a statement without a principal")
        elif statement.only_for_pods and scope_of(statement) is trust.ScopeKind.ANY:
            yield Objection(f"role {role} would trust pods without a condition on their cluster or account")
    if requested.source is RequestSource.PLAN and any(not item.allow for item in _added(requested, action)):
        yield Objection(f"role {role} would have a Deny statement, which no file declares")


def _not_created(requested: Requested, action: Action) -> Iterator[Objection]:
    """Judge the deletion of a role without the tag of every role that podid creates: a journal is no proof."""
    role = requested.role(action)
    if action.kind == ROLE.name and action.after is None and role is not None and not created_by_podid(role.tags):
        yield Objection(f"role {role.name} would be deleted, and lacks the tag managed-by=podid")


def _providers(requested: Requested, action: Action) -> Iterator[Objection]:
    """Judge the creation of an OIDC provider: its owner names the identities that roles trust."""
    url = text(action.after, "url")
    if action.kind == OIDC_PROVIDER.name and action.after is not None and not _OF_EKS.fullmatch(url):
        yield Objection(f"the account would have the OIDC provider {url}, which is not of an EKS cluster")


# EKS User Guide, "Create an IAM OIDC provider for your cluster"
_OF_EKS = re.compile(r"(https://)?oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/id/[0-9A-Za-z]+")


def _is_strange(requested: Requested, kind: str, name: str) -> bool:
    """Return whether the principal is in another account. A file can name no principal except EKS Pod Identity."""
    if requested.source is RequestSource.PLAN:
        return (kind, name) != ("Service", PODS_PRINCIPAL)
    if kind == "Service":
        return False
    account = requested.plan.header.account
    try:
        return name != account and Arn.parse(name).account != account
    except InvalidInput:
        return True


def _loses_boundary(requested: Requested, action: Action) -> Iterator[Objection]:
    if action.kind != ROLE_SETTINGS.name:
        return
    role = role_of(action)
    boundary, following = (text(state, "permissionsBoundary") for state in (action.before, action.after))
    if boundary and following and following != boundary:
        yield Objection(f"role {role} would have the permissions boundary {following} instead of {boundary}")
    elif boundary and not following:
        yield Objection(f"role {role} would lose its permissions boundary {boundary}")


def _administers(requested: Requested, action: Action) -> Iterator[Objection]:
    """Judge the policies of the action's role together."""
    if action.kind in OF_POLICIES and (sentence := requested.granted.get(role_of(action))):
        yield Objection(sentence)


_FILES = frozenset({RequestSource.PLAN})
RULES: tuple[RequestRule, ...] = (
    RequestRule("Kind of change", "none", _unplanned, _FILES, early=True),
    RequestRule("Account and partition", "none", _elsewhere, _FILES, early=True),
    RequestRule("Role of AWS", "none", _of_aws),
    RequestRule("Any principal", "none", _any_principal),
    RequestRule("Ownership", "flag", _unowned, _FILES),
    RequestRule("Ownership", "answer", _not_created, frozenset({RequestSource.JOURNAL})),
    RequestRule("Principals", "answer", _trusts),
    RequestRule("Principals", "answer", _providers),
    RequestRule("Permissions boundary", "answer", _loses_boundary),
    RequestRule("Administrator permissions", "answer", _administers),
)
