"""Plan files: the difference between declarations and the live state, for each cluster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from podid.domain.aws import Association, UnreadAssociation
from podid.domain.declaration import Declaration, Guard
from podid.domain.errors import Conflict, InvalidInput, NotFound, PodidError
from podid.domain.fileplan import FileConflict, FilePlan, Unlisted
from podid.domain.incomplete import NotRead
from podid.domain.names import AGENT_ADDON, ServiceAccountRef, addon_name, role_name
from podid.domain.plan import Plan, text
from podid.domain.section import Missing, error_of
from podid.domain.text import count_of, short_list
from podid.ops.agent.install import plan_install, read_facts
from podid.ops.agent.preflight import conflict_notes
from podid.ops.agent.request import InstallRequest
from podid.ops.association.disassociate import losing_notes, plan_disassociate
from podid.ops.association.plan import changed_associations
from podid.ops.association.read import quota_note
from podid.ops.change.granting import granting_notes
from podid.ops.change.guard import violations
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ADDON, ASSOCIATION, ROLE_TRUST
from podid.ops.change.kinds.association import changes_settings, ref_of
from podid.ops.change.narrowing import noted, users_not_read, with_dependents
from podid.ops.clients import Site
from podid.ops.declare.accounts import DeclaredAccounts, read_accounts
from podid.ops.declare.associations import AssociationPlanner
from podid.ops.declare.clusters import FileSite, Remaining
from podid.ops.declare.order import RolePlanned, role_plans
from podid.ops.declare.ownership import Mark, TagHistory, UnmarkedOwners, keys_of, outdated, prune_roles
from podid.ops.declare.request import Ownership
from podid.ops.declare.roles import RolePlanner
from podid.ops.role.policies import validated
from podid.ops.role.quota import TrustQuota

Live = tuple[dict[ServiceAccountRef, Association], dict[ServiceAccountRef, PodidError]]


@dataclass(slots=True, kw_only=True)
class FilePlanner:
    """Plans files for their clusters. `say` reports progress, `now` is the time for notes on credentials."""

    sites: Sequence[FileSite]
    ownership: Ownership
    journal: Journal | None
    now: datetime
    say: Callable[[str], None]
    guards: tuple[Guard, ...] = ()
    _histories: dict[int, TagHistory] = field(default_factory=dict)

    def plan(self) -> tuple[FilePlan, ...]:
        """Return one plan for each cluster; roles are in the first, and their deletions in the last. Raise NotFound,
        with the lines, for roles and policies that do not exist, and the error of a cluster that could not be read at
        all."""
        live = [self._live(site) for site in self.sites]
        accounts = [read_accounts(site, annotations=self.ownership.from_annotations) for site in self.sites]
        planned, quota, works = self._works(accounts, live)
        # without the annotations that are ignored, roles and other associations differ
        while any(work.refused for work, _ in works):
            for work, _ in works:
                for ref, error in work.refused.items():
                    work.accounts.refuse(ref, error, work.site.declarations)
            planned, quota, works = self._works(accounts, live)
        missing = [sentence for work, _ in works for sentence in work.missing]
        if missing:
            raise NotFound(missing[0], lines=tuple(missing[1:]))
        places, items = [site.place for site in self.sites], tuple(planned.values())
        leaving = {name for work, plan in works for name in _leaving(work, plan)}
        roles_first, later = role_plans(places, items, leaving, quota)
        nothing = [Plan(header=place.header, actions=(), separate=True) for place in places[1:]]
        plans = [
            self._part(work, plan, items if first is roles_first else (), (first, last))
            for (work, plan), first, last in zip(works, [roles_first, *nothing], later, strict=True)
        ]
        plans = [self._examined(site, item) for site, item in zip(self.sites, plans, strict=True)]
        return tuple(self._with_roles_pruned(plans, planned) if self.ownership.prune else plans)

    def _works(
        self, accounts: Sequence[DeclaredAccounts], live: Sequence[Live]
    ) -> tuple[dict[str, RolePlanned], TrustQuota, list[tuple[AssociationPlanner, Plan]]]:
        """Return the plans of the roles, and of the associations of each cluster."""
        unmarked = [UnmarkedOwners(site.clients) for site in self.sites]
        roles = RolePlanner(
            sites=self.sites,
            accounts=accounts,
            ownership=self.ownership,
            history=self._history,
            unmarked=unmarked[0],
            remaining=list(map(self._remaining, self.sites, accounts, live)),
            say=self.say,
        )
        planned = roles.plan()
        works = []
        for number, site in enumerate(self.sites):
            associations, unreadable = live[number]
            self.say(f"comparing the associations of {site.place.cluster_name}")
            work = AssociationPlanner(
                site=site,
                accounts=accounts[number],
                live=associations,
                unreadable=unreadable,
                roles=planned,
                ownership=self.ownership,
                history=self._history,
                unmarked=unmarked[number],
                guards=self.guards,
            )
            works.append((work, work.plan()))
        return planned, roles.quota, works

    def _examined(self, site: FileSite, item: FilePlan) -> FilePlan:
        """Return the plan with the users of what it narrows. Parts that may have others forbid it, unless the user
        accepts that."""
        plan = with_dependents(item.plan, Site(site.clients, item.plan.header))
        if not plan.accepted or self.ownership.accept_unread:
            return replace(item, plan=noted(plan))
        return replace(item, plan=plan, unread=(*item.unread, users_not_read(plan)))

    def _history(self, declaration: Declaration) -> TagHistory:
        return self._histories.setdefault(
            id(declaration), TagHistory(self.journal, self.sites[0].place.account, declaration)
        )

    def _remaining(self, site: FileSite, accounts: DeclaredAccounts, live: Live) -> Remaining:
        """Return the associations of a cluster that the plan does not delete: None if one could not be read."""
        associations, unreadable = live
        gone = outdated(site.declarations, accounts, associations) if self.ownership.prune else {}
        return {ref: item for ref, item in {**dict.fromkeys(unreadable), **associations}.items() if ref not in gone}

    def _live(self, site: FileSite) -> Live:
        """Return the associations of a cluster, and why some could not be read."""
        name = site.place.cluster_name
        self.say(f"reading the associations of {name}")
        live: dict[ServiceAccountRef, Association] = {}
        unreadable: dict[ServiceAccountRef, PodidError] = {}
        for item in site.clients.eks.iter_associations(name):
            if isinstance(item, UnreadAssociation):
                unreadable[item.ref] = error_of(Missing(item.reason, item.permission))
            else:
                live[item.ref] = item
        return dict(sorted(live.items())), unreadable

    def _part(
        self, work: AssociationPlanner, plan: Plan, items: Sequence[RolePlanned], around: tuple[Plan, Plan]
    ) -> FilePlan:
        """Return the plan of one cluster. `items` are the roles of which it has the actions. `around` are the changes
        of roles before and after its associations."""
        site, accounts = work.site, work.accounts
        gone = outdated(site.declarations, accounts, work.live)
        roles, later = around
        whole = roles.then(plan)
        agent = plan_agent(site)
        whole = replace(agent.plan.then(whole), separate=True)
        pruned = Plan(header=site.place.header, actions=(), separate=True)
        if gone and self.ownership.prune:
            pruned = plan_disassociate(tuple(gone), site.place.header, gone)
            pruned = pruned.noting(losing_notes(site.clients.kube, gone, self.now))
            whole = replace(whole.then(pruned), separate=True)
        elif gone:
            have, are, them = ("has", "is", "it") if len(gone) == 1 else ("have", "are", "them")
            carried = f"{count_of(len(gone), 'association')} {have} this file's mark and {are} no longer in the file"
            whole = whole.noting((f"{carried}: {short_list(map(str, gone))}; --prune deletes {them}",))
        whole = replace(whole.then(later), separate=True)
        whole = whole.noting(tuple(note for item in site.declarations for note in item.notes))
        whole = validated(whole, site.clients).noting(quota_note(site.clients, whole)).noting(granting_notes(whole))
        if whole.actions and work.unmarked.unread:
            whole = whole.noting((work.unmarked.unread,))
        unchanged = work.unchanged + agent.unchanged
        unchanged += sum(not (item.actions or item.conflict or item.unread or item.idle) for item in items)
        return FilePlan(
            plan=whole,
            files=tuple(dict.fromkeys(declaration.name for declaration in site.declarations)),
            owners=frozenset((item.owner_key, item.name) for place in self.sites for item in place.declarations),
            unchanged=unchanged,
            only_in_cluster=_unlisted(work, (*accounts.by_ref, *(gone if self.ownership.prune else ()))),
            conflicts=(
                *agent.conflicts,
                *(item.conflict for item in items if item.conflict is not None),
                *accounts.conflicts,
                *work.conflicts,
                *(
                    FileConflict("guard", key, at, Conflict(f"guard.{key}: {reason}"))
                    for guard in self.guards
                    for at, key, reason in violations(guard, whole, site.clients)
                ),
            ),
            refused=tuple(accounts.refused),
            unread=(
                *agent.unread,
                *(item.unread for item in items if item.unread is not None),
                *accounts.unread,
                *work.unread,
                *(
                    NotRead(f"association of {ref}", error, declared=False)
                    for ref, error in work.unreadable.items()
                    if ref not in accounts.by_ref
                ),
            ),
            refs=tuple(changed_associations(plan.actions)[0]),
            declared=tuple(accounts.by_ref),
            affected=_affected(whole, work),
            taken_over=self.ownership.take_over,
            pruned_keys=keys_of(pruned),
        )

    def _with_roles_pruned(self, plans: Sequence[FilePlan], roles: Mapping[str, RolePlanned]) -> list[FilePlan]:
        site = self.sites[-1]
        declarations = tuple({id(item): item for place in self.sites for item in place.declarations}.values())
        self.say("reading the roles that the files own")
        plan, unread = prune_roles(site, declarations, roles, [item.plan for item in plans], self.ownership)
        *others, last = plans
        whole = replace(last.plan.then(plan), separate=True)
        last = replace(last, plan=whole, unread=(*last.unread, *unread), pruned_keys=last.pruned_keys | keys_of(plan))
        return [*others, last]


def _leaving(work: AssociationPlanner, plan: Plan) -> Iterator[str]:
    """Yield the names of the roles, in lower case, that an association of the cluster no longer has after the plan."""
    gone = outdated(work.site.declarations, work.accounts, work.live)
    had = (text(a.before, "roleArn") for a in plan.actions if text(a.before, "roleArn") != text(a.after, "roleArn"))
    yield from (role_name(arn).lower() for arn in (*had, *(item.role_arn for item in gone.values())) if arn)


def _affected(plan: Plan, work: AssociationPlanner) -> tuple[ServiceAccountRef, ...]:
    """Return the service accounts whose association the plan changes, or whose role gets another trust policy."""
    actions = (action for item in work.roles.values() for action in item.actions)
    trusts = {action.target.lower() for action in actions if action.kind == ROLE_TRUST.name}
    associations = (action for action in plan.actions if action.kind == ASSOCIATION.name)
    changed = (ref_of(action.keys) for action in associations if changes_settings(action))
    of_roles = (ref for ref, account in work.accounts.by_ref.items() if role_name(account.item.role).lower() in trusts)
    return tuple(dict.fromkeys((*changed, *of_roles)))


def _unlisted(work: AssociationPlanner, treated: Collection[ServiceAccountRef]) -> tuple[Unlisted, ...]:
    """Return the associations that are neither declared nor pruned."""
    declaration = work.site.declarations[0]
    unlisted = []
    for ref, association in work.live.items():
        if ref in treated:
            continue
        mark = Mark.of(association.tags, declaration, named={}, owner_arn=association.owner_arn)
        custom = work.unmarked.named(association)
        owner = mark.words or (custom.words if custom is not None else "")
        if association.owner_arn:
            owner = f"add-on {addon_name(association.owner_arn)}"
        unlisted.append(Unlisted(ref=ref, role_arn=association.role_arn, owner=owner))
    unlisted += [Unlisted(ref=ref, role_arn="") for ref in work.unreadable if ref not in treated]
    return tuple(sorted(unlisted, key=lambda item: item.ref))


def plan_agent(site: FileSite) -> FilePlan:
    """Return the plan of the agent alone. Raise NotFound for a version that EKS does not offer, and InvalidInput for a
    configuration that it does not accept."""
    nothing = FilePlan(plan=Plan(header=site.place.header, actions=(), separate=True))
    agents = [item.agent for item in site.declarations if item.agent is not None]
    if not agents:
        return nothing
    agent = agents[0]
    if differing := next((item for item in agents if item != agent), None):
        error = Conflict(f"agent is already declared with other settings at {agent.at}", subject=AGENT_ADDON)
        return replace(nothing, conflicts=(FileConflict(ADDON.name, AGENT_ADDON, differing.at, error),))
    request = InstallRequest(addon_version=agent.version, values=dict(agent.configuration or {}))
    try:
        facts = read_facts(site.clients, site.place, request)
        plan = plan_install(request, site.place.the_cluster, site.place.header, facts)
    except (NotFound, InvalidInput) as error:
        key = "version" if isinstance(error, NotFound) else "configuration"
        error.message = f"{agent.place(key)}: agent.{key}: {error.message}"
        raise
    except Conflict as error:
        return replace(nothing, conflicts=(FileConflict(ADDON.name, AGENT_ADDON, agent.place("version"), error),))
    except PodidError as error:
        return replace(nothing, unread=(NotRead(f"add-on {AGENT_ADDON}", error),))
    if facts.current is not None and plan.actions:
        plan = plan.noting(conflict_notes(site.clients.kube, facts.current, request.resolve_conflicts))
    return FilePlan(plan=replace(plan, unchanged=(), separate=True), unchanged=int(not plan.actions))
