"""`podid associate` in one cluster, once the command line is read."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from podid.cli.changing import carry_out, report, restarting, settle_interrupted, tell_left_behind, waiting
from podid.cli.foreseeing import with_outlook
from podid.cli.roles import RoleOptions, mending, onward_of, plan_of, take_back
from podid.domain.errors import Again, NotFound, PodidError, UsageError
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.plan import Skipped
from podid.domain.trust import TargetHop
from podid.domain.words import count_of, did_you_mean, short_list
from podid.ops.association.absent import missing_service_accounts, with_names_meant
from podid.ops.association.aftermath import after_associate
from podid.ops.association.expand import Selection, expand, quota_note
from podid.ops.association.files import FileItem, check_accounts
from podid.ops.association.plan import (
    NotAdmitted,
    all_tagged,
    plan_associations,
    session_tags,
    with_service_accounts,
)
from podid.ops.association.read import current_associations
from podid.ops.association.request import (
    AssociateRequest,
    AssociationWanted,
    Settings,
    choose_roles,
    planned_role,
)
from podid.ops.change.kinds import ASSOCIATION, ROLE_TRUST
from podid.ops.role.plan import identity
from podid.ops.role.resolve import ResolvedRole
from podid.ops.role.tags import session_notes
from podid.ops.role.target import (
    Onward,
    by_update_trust,
    going_on_policies,
    owed_words,
    plan_onward,
    read_target,
    with_owed,
)
from podid.ops.role.validation import validated

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.cli.terminal import Terminal
    from podid.domain.model import Association
    from podid.domain.place import Place
    from podid.domain.plan import Plan
    from podid.domain.trust import ScopeKind
    from podid.ops.role.create import RoleRequest

_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateAsked:
    """What `podid associate` was asked for. `items` are the service accounts that are named, each with what was said of
    it alone; `skipped` are left to their add-ons; `selection` stands for more of them. `role` and `settings` are for
    those of which nothing else is said."""

    items: tuple[FileItem, ...]
    skipped: tuple[FileItem, ...] = ()
    selection: Selection | None = None
    role: str = ""
    settings: Settings = field(default_factory=Settings)
    scope: ScopeKind
    replace: bool
    update_trust: bool
    restart: bool = False
    force: bool = False
    create_service_account: bool
    strict: bool
    # --create-role
    role_options: RoleOptions = field(default_factory=RoleOptions)
    new_role: RoleRequest | None = None
    target_profile: str = ""
    # whether session settings are new here, not those of an association that is there
    new_policies: bool = False
    # whether they are to be printed for Terraform, and nothing is to be changed
    printed: bool = False
    # where items with a line stand
    file: str = ""

    def wanted(self, access: Access) -> dict[ServiceAccountRef, FileItem]:
        """Every service account with the role and the settings that were asked for it."""
        found = {item.ref: item for item in self.items}
        if self.selection is not None:
            found.update((ref, FileItem(ref)) for ref in expand(access.kube.reader, self.selection) if ref not in found)
        return {
            ref: replace(item, role=item.role or self.role, settings=item.settings.over(self.settings))
            for ref, item in found.items()
        }


def associate_in(access: Access, terminal: Terminal, asked: AssociateAsked) -> None:
    """Plans, shows, carries out, looks at the effect and reports it."""
    place = access.place(for_change=True)
    check_accounts(asked.items, place.account, asked.file)
    if asked.printed:
        _print(access, terminal, place, asked)
        return
    if asked.create_service_account or asked.strict or asked.selection:
        access.kube.needed()  # known before anything is changed
    wanted = asked.wanted(access)
    refs = tuple(wanted)
    if asked.selection:
        terminal.note(f"{asked.selection} stands for {short_list(map(str, refs), _NAMED)}")
    restarts = restarting(access, terminal, refs, insist=asked.force) if asked.restart else None
    settle_interrupted(access, terminal, place)
    with terminal.working(f"reading the associations of {short_list(map(str, refs), _NAMED)}"):
        current = current_associations(access.clients, place, refs)
    try:
        plan, role_name = _plan(access, terminal, place, asked, wanted, current)
    except NotAdmitted as refused:
        raise with_names_meant(access.clients, refused) from None
    if role_name or asked.new_policies:
        plan = validated(plan, access.aws.access_analyzer)
    if asked.create_service_account:
        plan = with_service_accounts(plan, refs, access.kube.reader)
    missing = () if asked.create_service_account else missing_accounts(access, terminal, refs, strict=asked.strict)
    plan = mending(access, plan, partial(by_update_trust, update=asked.update_trust)).noting(
        (*missing, *quota_note(access.aws.eks, plan))
    )
    plan = with_outlook(access, terminal, place, plan, refs, restart=asked.restart, force=asked.force)
    question = ""
    if access.runtime.interactive:
        question = (
            "Associate all the same?"
            if missing
            else f"Associate {count_of(len(refs), 'service account')}?"
            if asked.selection
            else ""
        )
    result = carry_out(access, terminal, plan, question=question, restarts=restarts)
    if result is None:
        return
    if role_name and result.failed_kind.startswith("role"):
        take_back(access, terminal, result, role_name)
    result = with_owed(result, access.aws.eks)
    result = after_associate(waiting(access, place, result, restarts), result, tuple(current))
    report(terminal, result if asked.restart else tell_left_behind(access, terminal, place, result, refs))


def _print(access: Access, terminal: Terminal, place: Place, asked: AssociateAsked) -> None:
    """What Terraform would need, with nothing changed: what is there with other settings is no conflict then."""
    from podid.render.association_forms import associations_for_terraform
    from podid.render.changes import skipped_lines

    wanted = asked.wanted(access)
    current = current_associations(access.clients, place, tuple(wanted))
    plan, _ = _plan(access, terminal, place, replace(asked, replace=True), wanted, current)
    terminal.emit(associations_for_terraform(plan))
    terminal.note(*(f"note: {note}" for note in plan.notes), *skipped_lines(plan), *map(owed_words, plan.owed))
    changed = [action.keys["roleName"] for action in plan.actions if action.kind == ROLE_TRUST.name]
    for name in changed:
        its = (word for ref, item in wanted.items() if role_name(item.role) == name for word in ("--for", str(ref)))
        command = access.at_place(("podid", "trust", "add", "--role", name, *its))
        terminal.note(f"note: the trust policy of role {name} has to admit them too: {shlex.join(command)}")


def _plan(
    access: Access,
    terminal: Terminal,
    place: Place,
    asked: AssociateAsked,
    wanted: Mapping[ServiceAccountRef, FileItem],
    current: Mapping[ServiceAccountRef, Association | None],
) -> tuple[Plan, str]:
    """The plan, and the name of the role that is made in it."""
    named = {ref: item.role for ref, item in wanted.items()}
    made: ResolvedRole | None = None
    role_plan: Plan | None = None
    onwards: list[Onward] = []
    request = asked.new_role
    if request is not None:
        new = {ref: item for ref, item in wanted.items() if item.role == asked.role}
        tagged = all_tagged({ref: item.settings for ref, item in new.items()}, current)
        request = replace(request, refs=tuple(new), session_tags=tagged)
        request = asked.role_options.complete(access, terminal, place, request)
        targets = {ref: arn for ref, item in new.items() if (arn := item.settings.target_role_arn)}
        going_on = going_on_policies(targets.values())
        request = replace(request, policies={**request.policies, **going_on}, onward=frozenset(going_on))
        role_plan, there = plan_of(access, terminal, place, request)
        role_plan = role_plan.noting(asked.role_options.preset_notes(place))
        for arn in dict.fromkeys(targets.values()):
            refs = tuple(ref for ref, its in targets.items() if its == arn)
            whom, profile = replace(request, refs=refs), asked.target_profile
            onwards.append(
                onward_of(
                    access,
                    place,
                    whom,
                    there,
                    arn,
                    profile,
                    update=asked.update_trust,
                    associating=True,
                    must_exist=not asked.printed,
                )
            )
        made = planned_role(role_plan, there, account=place.account, partition=place.the_cluster.partition)
        named = {ref: role for ref, role in named.items() if ref not in new}
    with terminal.working("reading roles"):
        roles = choose_roles(access.aws.iam, place, named, current)
    associations = AssociateRequest(
        wanted=tuple(
            AssociationWanted(
                ref,
                roles[ref] if made is None or ref in roles else made,
                item.settings,
                kept=ref in roles and not item.role,
            )
            for ref, item in wanted.items()
        ),
        scope=asked.scope,
        replace=asked.replace,
        update_trust=asked.update_trust,
    )
    plan = plan_associations(associations, place.the_cluster, place.header, current)
    skipped = tuple(Skipped(ASSOCIATION.unread(item.ref), item.why_skipped) for item in asked.skipped)
    plan = replace(plan, skipped=skipped)
    others = [item for item in associations.wanted if item.role is not made]
    onwards += onwards_of(access, place, others, current, profile=asked.target_profile, update=asked.update_trust)
    for onward in onwards:
        plan = onward.around(plan)
    if asked.new_policies:
        # a role that is made here is known to be as it was asked for
        used = {item.role.arn: item.role.role if item.role is not made else None for item in associations.wanted}
        for arn, role in used.items():
            its = tuple(action for action in plan.actions if (action.after or {}).get("roleArn") == arn)
            plan = plan.noting(session_notes(replace(plan, actions=its), access.aws.iam, role))
    return (role_plan.then(plan) if role_plan is not None else plan), request.name if request is not None else ""


def onwards_of(
    access: Access,
    place: Place,
    wanted: Sequence[AssociationWanted],
    current: Mapping[ServiceAccountRef, Association | None],
    *,
    profile: str,
    update: bool,
) -> Iterator[Onward]:
    """What it takes at each target role that the associations have, or are to have. One that is there already, or that
    is only named, may be missing: EKS takes it all the same."""
    hops: dict[str, dict[ServiceAccountRef, TargetHop]] = {}
    for item in wanted:
        asked_for, existing = item.settings.target_role_arn, current[item.ref]
        before = existing.target_role_arn if existing is not None else None
        arn = before if asked_for is None else asked_for
        if arn:
            tags = session_tags(item.settings, existing)
            who = identity(place.the_cluster, item.ref, session_tags=tags, role=item.role.role)
            known = existing.external_id if existing is not None and before == arn else None
            hops.setdefault(arn, {})[item.ref] = TargetHop(item.role.arn, who, known, role_tags=None)
    for arn, its in hops.items():
        yield plan_onward(
            arn,
            its,
            read_target(arn, place.account, access.aws, access.aws_as(profile) if profile else None),
            profile=profile,
            update=update,
            associating=True,
            must_exist=update or bool(profile),
        )


def missing_accounts(
    access: Access, terminal: Terminal, refs: tuple[ServiceAccountRef, ...], *, strict: bool
) -> tuple[str, ...]:
    """A sentence for each service account that does not exist, however little is waited for; with `strict` raises
    NotFound. That the cluster cannot be looked at is said with the effect, and with -v."""
    kube = access.kube  # a wrong --context is known before anything is changed
    try:
        missing = missing_service_accounts(refs, kube.reader)
    except PodidError as error:
        if strict:
            raise
        terminal.explain(f"not looked at: whether the service accounts exist ({error.what})")
        return ()
    sentences = tuple(
        f"service account {ref} does not exist{did_you_mean(str(ref), near)}" for ref, near in missing.items()
    )
    if strict and missing:
        ref, near = next(iter(missing.items()))
        # what is likely a slip of the hand is not to be made true
        hint = Again(swap=(str(ref), near[0])) if near else Again(add=("--create-service-account",))
        raise NotFound(sentences[0], hint=hint, lines=sentences[1:], subject=str(ref))
    return sentences


def selection_of(
    access: Access, service_account: str | None, selector: str | None, *, named: bool
) -> tuple[Selection | None, tuple[FileItem, ...]]:
    """What -n, -A, --service-account and --selector stand for together: a selection, or the one service account that
    they name; neither where none of them was given. Raises UsageError for a half of it."""
    options, sources = access.shared, access.sources
    if service_account is None and selector is None:
        if sources.get("namespace") == "--namespace" or options.all_namespaces:
            raise UsageError("Which service accounts there? Say --service-account NAME or --selector LABELS")
        if not named:
            raise UsageError(
                "Which service accounts? Name them as NAMESPACE/NAME, or in a file (--from-file), or say -n with "
                "--service-account or --selector"
            )
        return None, ()
    if options.namespace is None and not options.all_namespaces:
        raise UsageError("Which namespaces? Say -n NAME or -n 'PATTERN-*', or all of them with -A")
    found = Selection(options.namespace or "*", service_account or "*", selector or "")
    if found.exact:
        return None, (FileItem(ServiceAccountRef.parse(f"{found.namespace}/{found.name}")),)
    return found, ()
