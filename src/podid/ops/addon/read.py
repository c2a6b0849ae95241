"""Which add-ons can give which service accounts a role, and what they do now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from podid.calls import pacing
from podid.domain.aws import Addon, AddonConfiguration, AddonOffer, Association, AssociationSummary
from podid.domain.errors import PodidError
from podid.domain.names import ServiceAccountRef, addon_name
from podid.domain.plan import Place
from podid.ops.clients import Clients

Mechanism = Literal["pod-identity", "irsa", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonRow:
    """One service account of one add-on; `service_account` is empty where the version has none to give a role.

    `status` is empty for an add-on that is not installed, and `version` then the one that EKS would take. `supported`
    is None where the version's configuration could not be read, `mechanism` where the associations could not, or where
    it is not known whose they would be. `role_arn` is empty where there is none, and with an `association_id` where
    that could not be read. `owner` is the add-on that owns the association, empty for one that stands alone.
    """

    addon: str
    version: str
    status: str
    namespace: str
    service_account: str = ""
    supported: bool | None = None
    policies: tuple[str, ...] = ()
    mechanism: Mechanism | None = "none"
    role_arn: str = ""
    association_id: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class AddonMatrix:
    """`unread` are sentences about what could not be looked at."""

    cluster: str
    rows: tuple[AddonRow, ...]
    unread: tuple[str, ...] = ()


def read_matrix(clients: Clients, place: Place, *, offered: bool = False) -> AddonMatrix:
    """The installed add-ons, with `offered` also what EKS has for the cluster's version. Raises what stands in the way
    of the list of add-ons."""
    eks, cluster = clients.eks, place.cluster_name
    addons = {addon.name: addon for addon in eks.list_addons(cluster)}
    offers = eks.list_addon_offers(place.the_cluster.version) if offered else ()
    unread: list[str] = []
    wanted = {name: addon.version for name, addon in addons.items()}
    wanted |= {offer.name: _default(offer) for offer in offers if offer.name not in addons}

    def configuration_of(name: str) -> AddonConfiguration:
        return eks.get_addon_configuration(name, wanted[name])

    configurations = dict(pacing.fan_out(pacing.attempt(configuration_of), list(wanted), reads=True))
    unread += dict.fromkeys(
        f"what the version of an add-on supports: {found.what}"
        for found in configurations.values()
        if isinstance(found, PodidError)
    )
    associations, why_not = _associations(clients, cluster)
    unread += why_not
    rows: list[AddonRow] = []
    for name in sorted(wanted):
        found = configurations[name]
        configuration = None if isinstance(found, PodidError) else found
        addon = addons.get(name)
        namespace = addon.namespace if addon is not None else next(o.namespace for o in offers if o.name == name)
        rows += _rows(name, wanted[name], namespace, addon, configuration, associations)
    described = _describe(clients, cluster, rows)
    errors = (found for found in described.values() if isinstance(found, PodidError))
    unread += dict.fromkeys(f"the roles of associations: {error.what}" for error in errors)
    return AddonMatrix(cluster, tuple(_with_role(row, described) for row in rows), tuple(unread))


def _default(offer: AddonOffer) -> str:
    versions = offer.versions
    return next((item.version for item in versions if item.default), versions[0].version if versions else "")


def _associations(
    clients: Clients, cluster: str
) -> tuple[Mapping[ServiceAccountRef, AssociationSummary] | None, tuple[str, ...]]:
    try:
        return {item.ref: item for item in clients.eks.list_association_summaries(cluster)}, ()
    except PodidError as error:
        return None, (f"the associations: {error.what}",)


def _rows(
    name: str,
    version: str,
    namespace: str,
    addon: Addon | None,
    configuration: AddonConfiguration | None,
    associations: Mapping[ServiceAccountRef, AssociationSummary] | None,
) -> Iterable[AddonRow]:
    status = addon.status if addon is not None else ""
    irsa = addon.service_account_role_arn if addon is not None else ""
    policies = {} if configuration is None else dict(configuration.policies)
    owned = {
        ref.name
        for ref, item in (associations or {}).items()
        if addon is not None and item.owner_arn and addon_name(item.owner_arn) == name
    }
    accounts = sorted({*policies, *owned})
    for account in accounts or [""]:
        item = (associations or {}).get(ServiceAccountRef(namespace, account)) if account else None
        looked = associations is not None if account else configuration is not None
        yield AddonRow(
            addon=name,
            version=version,
            status=status,
            namespace=namespace,
            service_account=account,
            supported=None if configuration is None else account in policies,
            policies=policies.get(account, ()),
            # where both are set, Pod Identity wins
            mechanism="pod-identity" if item is not None else None if not looked else "irsa" if irsa else "none",
            role_arn=irsa if item is None and looked else "",
            association_id=item.association_id if item is not None else "",
            owner=addon_name(item.owner_arn) if item is not None and item.owner_arn else "",
        )


def _describe(clients: Clients, cluster: str, rows: Iterable[AddonRow]) -> dict[str, Association | PodidError]:
    ids = [row.association_id for row in rows if row.association_id]

    def describe(association_id: str) -> Association:
        return clients.eks.get_association(cluster, association_id)

    return dict(pacing.fan_out(pacing.attempt(describe), ids, reads=True))


def _with_role(row: AddonRow, described: Mapping[str, Association | PodidError]) -> AddonRow:
    found = described.get(row.association_id)
    return replace(row, role_arn=found.role_arn) if isinstance(found, Association) else row
