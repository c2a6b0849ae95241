"""Warnings before an item is migrated that do not come from the checks, because they matter only to a migration."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from podid.domain import trust
from podid.domain.cluster import ServiceAccount
from podid.domain.findings import Verdict
from podid.domain.iam import depends_on_sessions
from podid.domain.migration import Caution
from podid.domain.names import role_name
from podid.domain.plan import Place
from podid.domain.snapshot import Known, Snapshot, known_or, part
from podid.domain.text import count_of, short_list
from podid.facts.index import namespaces_words
from podid.ops.migrate.addons import addon_of
from podid.ops.migrate.candidates import MigrationFacts, policy_of
from podid.ops.migrate.proxy_changes import principals_of

CHAINED = "chained-assume-missing-tag-session"


def caution_of(verdict: Verdict) -> Caution:
    """Return the warning of a failing check. It names each of several chained roles, because each requires a change."""
    named = [line for line in verdict.evidence if line.startswith("arn:")] if verdict.check == CHAINED else []
    return Caution(verdict.check, "; ".join((verdict.full_message, *(named if len(named) > 1 else ()))))


@dataclass(frozen=True, slots=True)
class Cautions:
    """The warnings of one reading. The service accounts of a pattern are computed once for each role."""

    place: Place
    snapshot: Snapshot
    _allowed: dict[str, tuple[ServiceAccount, ...]] = field(init=False, default_factory=dict)

    def of(self, facts: MigrationFacts) -> Iterator[Caution]:
        addon = addon_of(self.snapshot, facts.ref, facts.candidate.role_arn)
        if (owner := facts.candidate.owner) and addon is None:
            yield Caution(
                "annotation-owned",
                f"{owner} manages the annotation. podid migrate finish prints the change to make there.",
            )
        policy = policy_of(facts.role)
        if policy is None:
            return
        yield from self._elsewhere(facts, policy)
        if facts.by_issuer:
            yield from self._by_pattern(facts, policy)
        yield from self._of_sessions(facts, policy)

    def _elsewhere(self, facts: MigrationFacts, policy: trust.Policy) -> Iterator[Caution]:
        proxy = facts.candidate.proxy
        own = principals_of(proxy, self.snapshot) if proxy is not None else {self.place.the_cluster.oidc_provider_arn}
        if facts.chained and facts.association is not None:
            own |= {facts.association.role_arn}
        others = [who for who in trust.other_principals(policy) if who not in own]
        if others:
            yield Caution(
                "role-used-elsewhere",
                f"Role {role_name(facts.candidate.role_arn)} also trusts {short_list(others)}. podid leaves those "
                "statements unchanged.",
            )

    def _by_pattern(self, facts: MigrationFacts, policy: trust.Policy) -> Iterator[Caution]:
        arn, provider = facts.candidate.role_arn, self.place.the_cluster.oidc_provider_arn
        subjects = trust.subjects_of(policy, provider)
        wide = [subject for subject in subjects if "*" in subject or "?" in subject] if subjects else ["any"]
        if not wide:
            return
        if arn not in self._allowed:
            accounts = known_or(self.snapshot.service_accounts, ())
            self._allowed[arn] = tuple(a for a in accounts if trust.allows_by_issuer(policy, provider, a.ref))
        allowed = self._allowed[arn]
        users = sorted(str(account.ref) for account in allowed if account.irsa_role_arn.strip() == arn)
        others = len(allowed) - len(users)
        used = f"{', '.join(users)} {'uses' if len(users) == 1 else 'use'} it today" if users else "none uses it today"
        if self.snapshot.only_namespaces:
            used = f"in {namespaces_words(self.snapshot)}, {used}"
        more = f"; {count_of(others, 'other service account')} could" if others else ""
        yield Caution(
            "wildcard-subject",
            f"The trust policy of role {role_name(arn)} allows service accounts by a pattern ({short_list(wide)}): "
            f"{used}{more}. The statement stays while another service account needs it.",
        )

    def _of_sessions(self, facts: MigrationFacts, policy: trust.Policy) -> Iterator[Caution]:
        arn = facts.candidate.role_arn
        documents = known_or(part(self.snapshot.permission_policies, arn), {})
        policies = [
            f"policy {name.rpartition('/')[2]}"
            for name, document in documents.items()
            if isinstance(document, Known) and depends_on_sessions(document.value)
        ]
        holders = (["the trust policy"] if trust.names_sessions(policy) else []) + policies
        if holders:
            words, verb = " and ".join(holders), "depends" if len(holders) == 1 else "depend"
            yield Caution(
                "session-name-changed",
                f"{words[0].upper()}{words[1:]} of role {role_name(arn)} {verb} on the "
                "session name or aws:userid. With Pod Identity, session names begin with eks-CLUSTER-POD.",
            )
