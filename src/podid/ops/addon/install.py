"""Plan an add-on with the roles of its service accounts: install it, or change the installed one."""

from dataclasses import replace

from podid.domain.aws import Addon
from podid.domain.errors import Again, Conflict, NotFound, Other, PodidError, UsageError
from podid.domain.names import AGENT_ADDON
from podid.domain.plan import Place, Plan
from podid.domain.text import did_you_mean, nearest
from podid.ops.addon import associate
from podid.ops.addon.request import AddonInstallOptions, AddonRequest
from podid.ops.agent.install import InstallFacts, plan_install, with_offer
from podid.ops.agent.preflight import conflict_notes
from podid.ops.agent.versions import choose
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ADDON, ASSOCIATION
from podid.ops.clients import Clients


def prepare(clients: Clients, place: Place, journal: Journal, request: AddonInstallOptions) -> associate.Planned:
    """Return the plan, and the service accounts that get roles. Raise NotFound for an add-on that EKS does not offer,
    and as `plan_install` and `plan_addon_roles` do."""
    name, eks = request.addon, clients.eks
    if name == AGENT_ADDON:
        message = f"podid install-agent installs {AGENT_ADDON}: it checks the nodes as well"
        flags = ("--addon-version", request.addon_version) if request.addon_version else ()
        raise UsageError(message, hint=Other(("install-agent",), flags=flags), subject=name)
    current = eks.find_addon(place.cluster_name, name)
    facts = with_offer(clients, place, InstallFacts(current=current), name)
    if facts.offer is not None and not facts.offer.rows and current is None:
        raise _not_offered(clients, place, name)
    installed, downgrade = current.version if current is not None else "", request.allow_downgrade
    version = choose(facts.offer, request.addon_version, installed, allow_downgrade=downgrade, addon=name)
    if version:
        try:
            facts = replace(facts, configuration=eks.get_addon_configuration(name, version))
        except PodidError as error:
            why = f"the configuration of the version could not be read: {error.message}"
            facts = replace(facts, unread=(*facts.unread, why))
    plan = plan_install(request, place.the_cluster, place.header, facts, name)
    if current is not None and plan.actions:
        plan = plan.noting(conflict_notes(clients.kube, current, request.resolve_conflicts))
    if not request.recommended and not request.roles:
        return plan, ()
    return _with_roles(clients, place, journal, request, facts, plan, version)


def _with_roles(
    clients: Clients,
    place: Place,
    journal: Journal,
    request: AddonInstallOptions,
    facts: InstallFacts,
    plan: Plan,
    version: str,
) -> associate.Planned:
    """Return the plan with the roles: as part of a new add-on, or after the change of an installed one."""
    addon = facts.current or _planned(clients, place, request.addon, version)
    owned = associate.AddonFacts.read(clients, place, addon, facts.configuration)
    names = dict(request.roles)
    for account in names:
        associate.check_supported(owned, account)
    if request.recommended:
        associate.check_recommended(replace(owned, unread=owned.unread or facts.unread))
        names |= dict.fromkeys((account for account in associate.accounts_without(owned) if account not in names), "")
    of_addon = AddonRequest(addon=addon.name, update_trust=request.update_trust)
    roles, before = associate.plan_roles(clients, place, journal, owned, dict(sorted(names.items())), of_addon)
    then = associate.plan_addon_roles(place.header, owned, roles, replace=request.replace)
    if facts.current is None:
        # EKS creates the associations together with the add-on
        first = tuple(action for action in then.actions if action.kind == ASSOCIATION.name)
        (install,) = plan.actions
        with_roles = {"namespace": addon.namespace, "roles": roles} if roles else {}
        plan = replace(plan, actions=(*first, ADDON.action(None, {**(install.after or {}), **with_roles})))
    else:
        plan = plan.then(then)
    return before.then(plan).in_order(), tuple(owned.ref(account) for account in roles)


def _planned(clients: Clients, place: Place, name: str, version: str) -> Addon:
    """Return the add-on as EKS will create it. Raise Conflict if its namespace is not known, since trust policies name
    it."""
    offers = clients.eks.list_addon_offers(place.the_cluster.version)
    namespace = next((offer.namespace for offer in offers if offer.name == name), "")
    if not namespace:
        message = f"The namespace of add-on {name} is not known before it is installed"
        raise Conflict(message, advice="Install it first, then run podid addon associate.", subject=name)
    return Addon(name=name, arn="", version=version, status="", namespace=namespace)


def _not_offered(clients: Clients, place: Place, name: str) -> NotFound:
    version = place.the_cluster.version
    known = [offer.name for offer in clients.eks.list_addon_offers(version)]
    near = nearest(name, known, 1)
    message = f"EKS offers no add-on {name} for Kubernetes {version}{did_you_mean(name, known)}"
    hint = Again(swap=(name, near[0])) if near else Other(("addon", "list"), flags=("--all",))
    return NotFound(message, hint=hint, subject=name)
