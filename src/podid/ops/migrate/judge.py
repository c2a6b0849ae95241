"""The blockers of each service account in a migration, and the plan for those without one.

The checks judge the snapshot as it would be after the migration: a failure that remains then is a blocker.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from podid.checks.base import Check
from podid.domain import trust
from podid.domain.aws import Addon
from podid.domain.errors import InvalidInput, PodidError
from podid.domain.findings import EVERYONE, Severity, Verdict, link_words
from podid.domain.grouping import grouped
from podid.domain.migration import Blocker, ItemState, MigrationItem, MigrationStep, Stage
from podid.domain.names import Arn, ServiceAccountRef, role_name
from podid.domain.plan import Place, Plan
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known_or, part
from podid.domain.status import IdentityStatus
from podid.domain.text import needing
from podid.facts.index import index
from podid.facts.nodes import kind_of
from podid.ops.association.plan import plan_associations
from podid.ops.association.request import AssociationChange, DesiredAssociation, Settings
from podid.ops.change.kinds import ROLE_TRUST
from podid.ops.migrate.addons import Supported, addon_of, with_lists
from podid.ops.migrate.base_role import BaseRole
from podid.ops.migrate.candidates import MigrationCandidate, MigrationFacts, digest, facts_of, in_account, policy_of
from podid.ops.migrate.cautions import Cautions, caution_of
from podid.ops.migrate.proxy_changes import with_own_accounts
from podid.ops.migrate.trail import MigrationTrail
from podid.ops.reading.scope import DoctorScope
from podid.ops.role.quota import TrustQuota
from podid.ops.role.resolve import ResolvedRole
from podid.ops.status.diagnose import Adjust, judge
from podid.ops.status.prediction import overlaid, restarts

# warnings after which pods would run without credentials
BLOCKING = frozenset(
    {
        *("networkpolicy-blocks-agent", "pod-proxy-missing-no-proxy", "product-still-in-irsa-mode"),
        *("sdk-too-old", "sg-for-pods-blocks-agent", "static-aws-keys-shadow"),
    }
)
# of findings that are only information, those that matter to a migration
TOLD = frozenset({"host-network-pod"})
# the migration itself ends these, or they are its own intermediate states
ENDED = frozenset(
    {"addon-owned-association", "association-missing", "irsa-annotation-leftover", "irsa-env-still-active"}
)


@dataclass(frozen=True, slots=True)
class MigrationJudge:
    place: Place
    snapshot: Snapshot
    candidates: tuple[MigrationCandidate, ...]
    now: datetime
    checks: tuple[Check, ...]
    accepted: Callable[[ServiceAccountRef, str], bool]
    adjust: Adjust
    tags: Mapping[str, str]
    trail: Section[MigrationTrail]
    base_role: BaseRole
    supported: Supported
    quota: TrustQuota

    def items_and_plan(self) -> tuple[tuple[MigrationItem, ...], Plan, tuple[str, ...]]:
        """Return the items, the changes of those that nothing blocks, and the OIDC providers that their roles trust."""
        trail = known_or(self.trail, MigrationTrail())
        facts = {
            item.ref: replace(facts_of(self.snapshot, self.place, item), proven=trail.proves(item))
            for item in self.candidates
        }
        blockers: dict[ServiceAccountRef, list[Blocker]] = {
            ref: [*item.candidate.blockers, *self._own_blockers(item)] for ref, item in facts.items()
        }
        free = [item for ref, item in facts.items() if not self._blocked(ref, blockers[ref])]
        plan, refused = self._plan(free)
        for ref, blocker in refused.items():
            blockers[ref].append(blocker)
        statuses, verdicts = self._after(plan)
        concerning = _by_account(verdicts, facts)
        for ref in facts:
            known = {blocker.id for blocker in blockers[ref]}
            blockers[ref] += [b for b in map(_blocker, filter(_blocks, concerning[ref])) if b.id not in known]
        # the findings of the checks against an item remove its changes from the plan
        unblocked = [item for ref, item in facts.items() if not self._blocked(ref, blockers[ref])]
        if unblocked != [item for item in free if item.ref not in refused]:
            plan, _ = self._plan(unblocked)
        cautions = Cautions(self.place, self.snapshot)
        items = tuple(
            self._item(item, tuple(blockers[ref]), concerning[ref], statuses.get(ref), cautions)
            for ref, item in facts.items()
        )
        return items, plan, _providers(facts.values(), self.place)

    def plan_for(self, refs: Collection[ServiceAccountRef]) -> Plan:
        """Return the changes of these items only, whether blockers are accepted or not."""
        facts = (facts_of(self.snapshot, self.place, item) for item in self.candidates if item.ref in refs)
        return self._plan(list(facts))[0]

    def _blocked(self, ref: ServiceAccountRef, blockers: Iterable[Blocker]) -> bool:
        return any(blocker.firm or not self.accepted(ref, blocker.id) for blocker in blockers)

    def _own_blockers(self, facts: MigrationFacts) -> list[Blocker]:
        """Return the blockers that the checks cannot find, because no association exists yet."""
        ref, arn, association = facts.ref, facts.candidate.role_arn, facts.association
        if not in_account(arn, self.place):
            # as the target role of an association, the role is assumed through EKS
            if facts.associated:
                return []
            if not self.base_role.covers(facts.candidate):
                return [self._foreign(facts)]
            return [blocker] if (blocker := self.base_role.blocker(facts.candidate)) is not None else []
        addon, supported = self._addon(facts)
        if addon is not None and isinstance(supported, Known) and ref.name not in supported.value:
            message = f"Add-on {addon.name} {addon.version} does not support Pod Identity for service account {ref}."
            evidence = (*facts.candidate.evidence, f"serviceAccountRoleArn of add-on {addon.name}: {arn}")
            install = ("podid", "addon", "install", addon.name)
            return [Blocker("addon-pod-identity-unsupported", message, evidence, (install,), firm=True)]
        if isinstance(facts.role, Known) and facts.role.value is None:
            message, way_out = f"Role {role_name(arn)} does not exist.", (("podid", "role", "list"),)
            if (role := known_or(part(self.snapshot.roles, arn), None)) is not None:
                message = f"Role {arn} does not exist. The ARN of {role.name} is {role.arn}."
            return [Blocker("role-not-found", message, facts.candidate.evidence, way_out, firm=True)]
        if association is not None and not facts.associated:
            message = f"{ref} has an association with another role, {role_name(association.role_arn)}."
            command = ("podid", "associate", str(ref), "--role", arn, "--replace")
            evidence = (f"association {association.association_id}",)
            return [Blocker("association-other-role", message, evidence, (command,), firm=True)]
        if isinstance(facts.role, Missing) and not facts.associated:
            permission = f" Needs {facts.role.permission}." if facts.role.permission else ""
            message = f"The trust policy of role {role_name(arn)} could not be read.{permission}"
            return [Blocker("trust-unreadable", message, (facts.role.reason,), firm=True)]
        if facts.allowed is None and not facts.associated:
            message = f"The trust policy of role {role_name(arn)} cannot be parsed."
            return [Blocker("trust-unreadable", message, firm=True)]
        old = known_or(self.trail, MigrationTrail()).blocker(ref)
        return [old] if old is not None and facts.stage.rank < Stage.MOVED.rank else []

    def _foreign(self, facts: MigrationFacts) -> Blocker:
        arn = facts.candidate.role_arn
        try:
            account = Arn.parse(arn).account
        except InvalidInput as error:
            message = f"The annotation is not the ARN of a role: {error.message}"
            return Blocker("role-not-found", message, firm=True)
        message = f"Role {role_name(arn)} is in account {account}; EKS requires a role in account {self.place.account}."
        command = ("podid", "migrate", "apply", str(facts.ref), "--base-role", _base_name(facts.ref))
        return Blocker("cross-account-role-arn", message, facts.candidate.evidence, (command,), firm=True)

    def _plan(self, items: Sequence[MigrationFacts]) -> tuple[Plan, dict[ServiceAccountRef, Blocker]]:
        """Return the changes of these items, and the blocker of each whose trust policy cannot be extended. Trust
        policies come before associations, and each role has one change, however many items use it."""
        refused: dict[ServiceAccountRef, Blocker] = {}
        own = [item for item in items if in_account(item.candidate.role_arn, self.place) and not item.chained]
        changed = [item for item in own if item.stage.rank < Stage.ASSOCIATED.rank or not item.allowed]
        plan = Plan(header=self.place.header, actions=())
        for members in grouped((item.candidate.role_arn, item) for item in changed).values():
            plan = plan.then(self._plan_role(members, refused))
        trusts = [action for action in plan.actions if action.kind == ROLE_TRUST.name]
        others = [action for action in plan.actions if action.kind != ROLE_TRUST.name]
        plan = replace(plan, actions=(*trusts, *others), notes=(), separate=True)
        if (base := self.base_role.part([item.candidate for item in items])) is not None:
            plan = plan.then(base)
        plan = with_lists(plan, self.snapshot)
        plan = with_own_accounts(plan, (item.candidate for item in items if item.ref not in refused), self.snapshot)
        return plan, refused

    def _plan_role(self, members: Sequence[MigrationFacts], refused: dict[ServiceAccountRef, Blocker]) -> Plan:
        """Return the changes of the items of one role: of all of them, otherwise of those that can be changed together,
        in order. Add the others to `refused`."""
        cluster, header = self.place.the_cluster, self.place.header
        change, current = AssociationChange(update_trust=True), {item.ref: item.association for item in members}
        plan = Plan(header=header, actions=())
        chosen: list[DesiredAssociation] = []
        requests = [
            DesiredAssociation(
                item.ref, ResolvedRole(item.candidate.role_arn, known_or(item.role, None)), Settings(tags=self.tags)
            )
            for item in members
        ]
        with suppress(PodidError):
            return plan_associations(requests, change, cluster, header, current, self.quota)
        for request in requests:
            try:
                plan = plan_associations((*chosen, request), change, cluster, header, current, self.quota)
            except PodidError as error:
                refused[request.ref] = _refusal(error)
            else:
                chosen.append(request)
        return plan

    def _after(self, plan: Plan) -> tuple[Mapping[ServiceAccountRef, IdentityStatus], tuple[Verdict, ...]]:
        """Return the predicted statuses, and the verdicts that fail after the plan and the restart of pods."""
        if not self.candidates or not self.checks:
            return {}, ()
        whole = (*plan.actions, *restarts(self.snapshot, plan))
        after = overlaid(self.snapshot, whole, self.now)
        scope = DoctorScope.of([item.ref for item in self.candidates])
        report = judge(after, checks=self.checks, scope=scope, adjust=self.adjust)
        return {status.ref: status for status in report.identities}, report.findings

    def _item(
        self,
        facts: MigrationFacts,
        blockers: tuple[Blocker, ...],
        failing: Sequence[Verdict],
        status: IdentityStatus | None,
        cautions: Cautions,
    ) -> MigrationItem:
        candidate, role, nodes = facts.candidate, known_or(facts.role, None), index(self.snapshot).nodes
        warnings = (*(caution_of(v) for v in failing if not _blocks(v)), *candidate.cautions, *cautions.of(facts))
        by_issuer = f"the trust policy of role {role_name(candidate.role_arn)} allows it by the OIDC provider"
        return replace(
            candidate.item(facts.stage, facts.counts),
            evidence=(*candidate.evidence, *((by_issuer,) if facts.by_issuer else ())),
            node_kinds=tuple(sorted({kind_of(nodes[pod.node]) for pod in candidate.pods if pod.node in nodes})),
            blockers=blockers,
            warnings=tuple(dict.fromkeys(warnings)),
            unknown=(*candidate.unknown, *_unknown(status), *self._unread(facts)),
            steps=tuple(_steps(facts, self.place, self.base_role.name)),
            copy_of=candidate.copy_of,
            state=ItemState(
                trust_policy=digest(role.trust) if role is not None else "",
                association=facts.association.association_id if facts.association is not None else "",
                annotations=candidate.annotations,
            ),
        )

    def _addon(self, facts: MigrationFacts) -> tuple[Addon | None, Section[frozenset[str]] | None]:
        """Return the add-on of the service account, and the service accounts to which it can give a role: None after
        the migration."""
        addon = addon_of(self.snapshot, facts.ref, facts.candidate.role_arn)
        return addon, self.supported.get(addon.name) if addon is not None and not facts.associated else None

    def _unread(self, facts: MigrationFacts) -> Iterator[str]:
        if isinstance(self.trail, Missing):
            yield needing("sessions in CloudTrail", self.trail.permission)
        elif (since := self.trail.value.oldest) is not None and facts.stage.rank < Stage.MOVED.rank:
            yield f"sessions in CloudTrail before {since:%Y-%m-%d %H:%M} UTC"
        addon, supported = self._addon(facts)
        if addon is not None and isinstance(supported, Missing):
            yield needing(f"whether add-on {addon.name} supports Pod Identity", supported.permission)


def _refusal(error: PodidError) -> Blocker:
    hint = error.hint if isinstance(error.hint, tuple) and error.hint else ()
    return Blocker(error.id or "trust-unreadable", f"{error.message}.", error.lines, (hint,) if hint else (), firm=True)


def _by_account(
    verdicts: Iterable[Verdict], refs: Iterable[ServiceAccountRef]
) -> Mapping[ServiceAccountRef, list[Verdict]]:
    """Return the failing verdicts that matter to a migration, by service account."""
    concerning: dict[ServiceAccountRef, list[Verdict]] = {ref: [] for ref in refs}
    names = {str(ref): own for ref, own in concerning.items()}
    for verdict in verdicts:
        shown = verdict.severity is not Severity.INFO or verdict.check in TOLD
        if shown and verdict.check not in ENDED and not verdict.masked_by:
            for name in names if verdict.chain == EVERYONE else verdict.chain:
                names.get(name, []).append(verdict)
    return concerning


def _blocks(verdict: Verdict) -> bool:
    return (verdict.severity is Severity.ERROR and verdict.link < 10) or verdict.check in BLOCKING


def _blocker(verdict: Verdict) -> Blocker:
    commands = verdict.fix.commands if verdict.fix is not None else ()
    return Blocker(verdict.check, verdict.full_message, verdict.evidence, commands)


def _unknown(status: IdentityStatus | None) -> tuple[str, ...]:
    if status is None:
        return ()
    subjects = dict.fromkeys(
        f"{item.subject or f'link {link_words(item.link)}'}{f' (needs {item.permission})' if item.permission else ''}"
        for item in status.not_checked
        if not item.how
    )
    return tuple(subjects)


def _base_name(ref: ServiceAccountRef) -> str:
    return f"{ref.namespace}-{ref.name}"[:64]  # the longest name of a role


def _steps(facts: MigrationFacts, place: Place, base: str) -> Iterator[MigrationStep]:
    """Return the remaining steps, as single commands; `podid migrate apply` does all but the last. `base` is the name
    of the base role for a role of another account."""
    ref, arn = str(facts.ref), facts.candidate.role_arn
    name, chain = role_name(arn), tuple[str, ...]()
    if arn.startswith("arn:") and not in_account(arn, place):
        name, chain = base or _base_name(facts.ref), ("--target-role", arn)
    allow = ("role", "create", name, "--for", ref, *chain) if chain else ("trust", "add", "--role", name, "--for", ref)
    copied = facts.candidate.copy_of
    if copied and facts.candidate.account is None:
        yield MigrationStep("create", ref, (_kubectl(facts.ref, "create", "serviceaccount", facts.ref.name),))
    if not facts.allowed and not facts.chained and not (facts.associated and facts.allowed is None):
        yield MigrationStep("allow", name, (("podid", *allow),))
    if not facts.associated:
        yield MigrationStep("associate", ref, (("podid", "associate", ref, "--role", name, *chain),))
    for workload in facts.candidate.workloads if copied else ():
        target = f"{workload.kind.lower()}/{workload.name}"
        yield MigrationStep(
            "patch", str(workload), (_kubectl(facts.ref, "set", "serviceaccount", target, facts.ref.name),)
        )
    if facts.counts.pod_identity < facts.counts.total and not copied:
        yield MigrationStep("restart", ref, (("podid", "restart", ref),))
    if facts.counts.total:
        yield MigrationStep("verify", ref, (("podid", "verify", ref),))
    yield MigrationStep("finish", ref, (("podid", "migrate", "finish", ref),))


def _kubectl(ref: ServiceAccountRef, *words: str) -> tuple[str, ...]:
    return ("kubectl", "-n", ref.namespace, *words)


def _providers(items: Iterable[MigrationFacts], place: Place) -> tuple[str, ...]:
    issuer = place.the_cluster.oidc_issuer.partition("://")[2]
    named = {
        who
        for item in items
        if (policy := policy_of(item.role)) is not None
        for who in trust.other_principals(policy)
        if issuer and who.endswith(f":oidc-provider/{issuer}")
    }
    return tuple(sorted(named))
