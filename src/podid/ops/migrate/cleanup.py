"""Leftovers of a migration: OIDC providers that no role trusts, roles that no principal can assume, and kiam or
kube2iam without a workload that needs them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from podid.aws.iam import Iam
from podid.domain import trust
from podid.domain.errors import Conflict, InvalidInput, NotFound, Other
from podid.domain.findings import Subject
from podid.domain.migration import Leftover, MigrationCleanup, spoken
from podid.domain.plan import Place, Plan
from podid.domain.snapshot import Missing, error_of
from podid.domain.text import did_you_mean, short_list
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import AGENT as WORKLOAD
from podid.ops.change.kinds import OIDC_PROVIDER
from podid.ops.clients import Clients
from podid.ops.migrate.metadata_proxies import agents_of, read_proxies, uses_of
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.role.delete import plan_deleting

PROVIDER, ROLE, AGENT = "oidc-provider", "role", "agent"


def read_leftovers(iam: Iam) -> MigrationCleanup:
    """Read all roles and OIDC providers of the account. Raise AccessDenied and Unavailable: an incomplete reading must
    not lead to a deletion."""
    providers, roles = iam.list_oidc_providers(), iam.list_roles()
    used: dict[str, list[str]] = {provider: [] for provider in providers}
    unread: list[str] = []
    leftovers: list[Leftover] = []
    for role in roles:
        try:
            policy = trust.parse_policy(role.trust)
        except InvalidInput:
            unread.append(role.name)
            continue
        for principal in trust.other_principals(policy):
            used.get(principal, []).append(role.name)
        if not role.service_linked and (reason := _unassumable(policy, providers)):
            leftovers.append(Leftover(kind=ROLE, arn=role.arn, reason=reason))
    for provider, names in used.items():
        if not names and not unread:
            leftovers.append(Leftover(kind=PROVIDER, arn=provider, reason="no role trusts it"))
    return MigrationCleanup(items=tuple(sorted(leftovers)), unreadable=tuple(unread))


def with_agents(
    leftovers: MigrationCleanup, clients: Clients, place: Place, now: datetime, *, deleting: bool
) -> MigrationCleanup:
    """Add kiam and kube2iam if no workload of the cluster needs them. `unread` are the parts that could not be read;
    with `deleting`, raise the error."""
    snapshot = collect(clients, place, ReadRequest(checks=()), now=now, journal=None, again=("pods", "daemon_sets"))
    reading = read_proxies(clients, place, snapshot)
    # without the pods, the users of the default role are not known
    section = snapshot.pods if isinstance(snapshot.pods, Missing) else reading
    if isinstance(section, Missing):
        if deleting:
            error = error_of(section)
            error.advise("podid deletes kiam and kube2iam only if no workload uses them.")
            raise error
        needs = f" (needs {section.permission})" if section.permission else ""
        return replace(leftovers, unread=f"kiam and kube2iam could not be read: {section.reason}{needs}")
    agents = agents_of(section.value, uses_of(section.value, snapshot))
    items = [
        Leftover(kind=AGENT, workload=workload, reason=f"{agent.source} no longer serves any workload")
        for agent in agents
        if not agent.serves
        for workload in agent.workloads
    ]
    return replace(leftovers, items=tuple(sorted((*leftovers.items, *items))), agents=agents)


def is_workload(name: str) -> bool:
    """Return whether a name on the command line is that of an agent: KIND/NAMESPACE/NAME."""
    return not name.startswith("arn:")


def _unassumable(policy: trust.Policy, providers: Collection[str]) -> str:
    """Return the reason why no principal can assume the role: every Allow statement names a principal that is gone."""
    principals = [who for statement in policy.statements if statement.allow for _, who in statement.principals]
    if any(statement.allow and (statement.not_principal or statement.strange) for statement in policy.statements):
        return ""
    if not principals:
        return "no statement of its trust policy allows anyone"
    dead = set(trust.unwritable_principals(policy))
    gone = [who for who in principals if who in dead or (":oidc-provider/" in who and who not in providers)]
    if len(gone) < len(principals):
        return ""
    return f"its trust policy allows only principals that do not exist: {short_list(dict.fromkeys(gone))}"


def plan_cleanup(
    clients: Clients,
    place: Place,
    journal: Journal,
    leftovers: MigrationCleanup,
    names: Sequence[str],
    *,
    update_trust: bool,
) -> Plan:
    """Return the plan that deletes the named leftovers, and with `update_trust` the access of roles to target roles.
    Raise NotFound if a name is not a leftover, and Conflict if a role is in use, or an agent."""
    known = {item.name.lower(): item for item in leftovers.items}
    plan = Plan(header=place.header, actions=())
    for name in dict.fromkeys(names):
        item = known.get(name.lower())
        if item is None or (item.name.startswith("arn:") and item.name != name):
            for agent in leftovers.agents:
                if agent.serves and name.lower() in map(str.lower, agent.workloads):
                    message = f"{agent.source} still serves {short_list(map(spoken, agent.serves), 3)}"
                    raise Conflict(message, subject=name, hint=Other(("migrate", "status")))
            close = did_you_mean(name, [item.name for item in leftovers.items])
            raise NotFound(f"{name} is not a leftover of a migration{close}", subject=name)
        plan = plan.then(_deletion(clients, place, journal, item, update_trust)).in_order()
    return plan


def _deletion(clients: Clients, place: Place, journal: Journal, item: Leftover, update_trust: bool) -> Plan:
    if item.kind == ROLE:
        plan, _ = plan_deleting(
            clients, place, journal, item.arn, done=(), ignore_not_found=False, adopt=True, update_trust=update_trust
        )
        return plan
    if item.kind == AGENT:
        kind, namespace, name = item.workload.split("/")
        workload = WORKLOAD.state_of(Subject(kind, name, namespace))
        return Plan(header=place.header, actions=(WORKLOAD.action(workload, None),), notes=WORKLOAD.once_deleted)
    provider = clients.iam.find_oidc_provider(item.arn)
    if provider is None:
        raise Conflict(f"OIDC provider {item.arn} was deleted in the meantime", subject=item.arn)
    action = OIDC_PROVIDER.action(OIDC_PROVIDER.state_of(provider), None)
    return Plan(header=place.header, actions=(action,))
