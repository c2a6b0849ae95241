"""The versions of an add-on that EKS offers for a cluster, and the choice among them."""

from dataclasses import dataclass

from podid.domain.errors import Again, Conflict, NotFound
from podid.domain.names import AGENT_ADDON
from podid.domain.plan import Place
from podid.domain.text import nearest
from podid.domain.versions import Offer, addon_key, next_minor, offer_of, older
from podid.ops.clients import Clients

DEFAULT, LATEST = "default", "latest"
_SHOWN = 5


def choose(
    offer: Offer | None,
    requested: str,
    installed: str = "",
    *,
    allow_downgrade: bool = False,
    addon: str = AGENT_ADDON,
) -> str:
    """Return the version to request; empty if EKS must choose because the versions are not known.

    `requested` is "", default, latest or a version. Without one the installed version stays. Raise NotFound for a
    version that EKS does not offer, Conflict for one that is older than the installed one.
    """
    if not requested and installed:
        return installed
    chosen = _meant(offer, requested, "" if allow_downgrade else installed, addon)
    if installed and chosen and older(chosen, installed) and not allow_downgrade:
        message = f"{addon} {installed} is installed, and the requested {chosen} is older"
        raise Conflict(message, hint=Again(add=("--allow-downgrade",)), subject=addon)
    return chosen or installed


def _meant(offer: Offer | None, requested: str, not_before: str, addon: str) -> str:
    """Return the likely version, none older than `not_before`."""
    if offer is None:
        if requested == LATEST:
            message = "The latest version is not known: the add-on's versions could not be read"
            raise NotFound(message, hint=Again(swap=(LATEST, DEFAULT)), subject=requested)
        return "" if requested in ("", DEFAULT) else requested
    if not offer.fitting:
        why = f": {offer.rows[0].why_not}" if offer.rows else ""
        raise NotFound(f"EKS offers no version of {addon} for this cluster on Kubernetes {offer.kubernetes}{why}")
    if requested == LATEST:
        return offer.latest
    if requested in ("", DEFAULT):
        return offer.default or offer.latest
    if requested in offer.fitting:
        return requested
    row, best = offer.row(requested), _proposed(offer, requested, not_before)
    shown = tuple(dict.fromkeys((*best, *offer.fitting)))[:_SHOWN]
    more = f" and {len(offer.fitting) - len(shown)} more" if len(offer.fitting) > len(shown) else ""
    names = (f"{version}, its default" if version == offer.default else version for version in shown)
    listed = f"EKS offers {'; '.join(names)}{more}"
    if row is not None:
        message = f"{addon} {requested} is not compatible with this cluster: {row.why_not}; {listed}"
    else:
        message = f"{addon} {requested} does not exist for Kubernetes {offer.kubernetes}; {listed}"
    word = next(iter(nearest(requested, (DEFAULT, LATEST), 1)), best[0])
    raise NotFound(message, hint=Again(swap=(requested, word)), subject=requested)


def _proposed(offer: Offer, requested: str, not_before: str) -> tuple[str, ...]:
    """Return likely versions, the likeliest first: one that `requested` abbreviates, EKS's default, the newest not
    newer one, or the nearest spelling."""
    part, key = requested.lstrip("v"), addon_key(requested)
    same = [version for version in offer.fitting if version.lstrip("v").startswith((f"{part}-", f"{part}."))]
    near = nearest(requested, offer.fitting, 1)
    if key is not None:
        near = [version for version in offer.fitting if (addon_key(version) or ()) <= key][:1] or [offer.fitting[-1]]
    proposals = [*same[:1], *([offer.default] if offer.default else []), *near, offer.latest]
    return tuple(dict.fromkeys(version for version in proposals if not older(version, not_before)))


def behind(offer: Offer | None, installed: str, cluster: str, command: str = "install-agent") -> str:
    """Return a sentence if the installed version is older than EKS's default or the newest; empty otherwise. `command`
    upgrades the add-on of the cluster."""
    if offer is None or not installed:
        return ""
    for name, version in ((DEFAULT, offer.default), (LATEST, offer.latest)):
        if version and older(installed, version):
            newest = f", the newest {offer.latest}" if name == DEFAULT and offer.latest != version else ""
            word = "EKS's default" if name == DEFAULT else "the newest"
            return (
                f"{installed} is installed, but {word} for Kubernetes {offer.kubernetes} is {version}{newest}: "
                f"podid {command} --addon-version {name} --cluster {cluster} upgrades it"
            )
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentVersions:
    """The result of `podid agent versions`. `next_default` is the default for the next Kubernetes minor version,
    `next_kubernetes`; empty if EKS offers none."""

    cluster: str
    platform: str
    installed: str
    offer: Offer
    next_kubernetes: str = ""
    next_default: str = ""

    @property
    def behind(self) -> str:
        return behind(self.offer, self.installed, self.cluster)

    def states(self, version: str) -> tuple[str, ...]:
        """Return which of installed, default and newest the version is."""
        versions = {"installed": self.installed, "default": self.offer.default, "newest": self.offer.latest}
        return tuple(state for state, meant in versions.items() if meant == version)


def read_versions(clients: Clients, place: Place) -> AgentVersions:
    """Raise the error that prevents reading the list."""
    cluster = place.the_cluster
    current = clients.eks.find_addon(cluster.name, AGENT_ADDON)
    offer = offer_of(cluster, clients.eks.list_addon_versions(AGENT_ADDON, cluster.version))
    following = next_minor(cluster.version)
    later = offer_of(cluster, clients.eks.list_addon_versions(AGENT_ADDON, following)) if following else Offer("", ())
    return AgentVersions(
        cluster=cluster.name,
        platform=cluster.platform_version,
        installed=current.version if current is not None else "",
        offer=offer,
        next_kubernetes=following if later.rows else "",
        # the platform version will differ then
        next_default=next((row.version.version for row in later.rows if row.version.default), ""),
    )
