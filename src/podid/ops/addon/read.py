"""Add-ons, and how their service accounts get roles."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Literal

from podid.calls import pacing
from podid.domain.aws import Addon, AddonConfiguration, AddonOffer, Association, AssociationSummary
from podid.domain.errors import ExitCode, PodidError, complete
from podid.domain.members import OR_NULL, About, ArnText, Key, TextOrNull, kind
from podid.domain.names import ServiceAccountRef, addon_name
from podid.domain.plan import Place
from podid.ops.clients import Clients

Mechanism = Literal["pod-identity", "irsa", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonRow:
    """One service account of one add-on; `service_account` is empty if the version supports none.

    `status` is empty for an add-on that is not installed; `version` is then the one that EKS would install. `supported`
    is None if the version's configuration could not be read; `mechanism` is None if the associations could not, or if
    it is not known for which service account. `role_arn` is empty if there is none, and together with an
    `association_id` if it could not be read. `owner` is the add-on that owns the association, empty if none does.
    """

    addon: Annotated[str, Key("addonName")]
    version: Annotated[
        str, Key("addonVersion"), About("The installed version, otherwise the one that EKS would install.")
    ]
    installed: bool
    status: Annotated[str, OR_NULL, About("As EKS reports it.")]
    namespace: str
    service_account: Annotated[
        str, OR_NULL, About("null for an add-on without a service account that supports Pod Identity.")
    ] = ""
    supported: Annotated[
        bool | None, About("Whether this version supports Pod Identity for it; null if that could not be read.")
    ] = None
    policies: Annotated[tuple[str, ...], Key("recommendedPolicyArns")] = ()
    mechanism: Annotated[
        Mechanism | None, About("The current source of its role; null if the associations could not be read.")
    ] = "none"
    role_arn: Annotated[ArnText, OR_NULL, About("null if it has none, or if it could not be read.")] = ""
    association_id: TextOrNull = ""
    owner: Annotated[str, OR_NULL, About("The add-on that owns the association; null if none does.")] = ""


@kind("AddonList", "`podid addon list`: a row for each service account of each add-on.")
@dataclass(frozen=True, slots=True)
class AddonMatrix:
    """The add-ons of a cluster."""

    cluster: Annotated[str, Key("clusterName")]
    rows: Annotated[tuple[AddonRow, ...], Key("items")]
    unread: Annotated[tuple[str, ...], About("The parts that could not be read, each with the reason.")] = ()

    @property
    def exit_code(self) -> ExitCode:
        return complete(ExitCode.OK, *self.unread)


def read_matrix(clients: Clients, place: Place, *, offered: bool = False) -> AddonMatrix:
    """Return the installed add-ons; `offered` adds those that EKS offers for the cluster's version. Raise the error
    that prevents listing add-ons."""
    eks, cluster = clients.eks, place.cluster_name
    addons = {addon.name: addon for addon in eks.list_addons(cluster)}
    listed = [(addon.name, addon.version, addon.status, addon.namespace) for addon in addons.values()]
    offers = eks.list_addon_offers(place.the_cluster.version) if offered else ()
    listed += [(offer.name, _default(offer), "", offer.namespace) for offer in offers if offer.name not in addons]
    blank = {
        name: AddonRow(addon=name, version=version, installed=bool(status), status=status, namespace=namespace)
        for name, version, status, namespace in listed
    }

    def configuration_of(name: str) -> AddonConfiguration:
        return eks.get_addon_configuration(name, blank[name].version)

    configurations = dict(pacing.fan_out(pacing.attempt(configuration_of), list(blank)))
    failures = [answer for answer in configurations.values() if isinstance(answer, PodidError)]
    unread = [f"the configuration of an add-on: {error.message}" for error in failures]
    associations: Mapping[ServiceAccountRef, AssociationSummary] | None = None
    try:
        associations = {item.ref: item for item in eks.list_association_summaries(cluster)}
    except PodidError as error:
        unread.append(f"the associations: {error.message}")
    rows: list[AddonRow] = []
    for name in sorted(blank):
        answer = configurations[name]
        configuration = None if isinstance(answer, PodidError) else answer
        rows += _rows(blank[name], addons.get(name), configuration, associations)
    ids = [row.association_id for row in rows if row.association_id]
    described = dict(pacing.fan_out(pacing.attempt(partial(eks.get_association, cluster)), ids))
    errors = (answer for answer in described.values() if isinstance(answer, PodidError))
    unread += [f"the roles of associations: {error.message}" for error in errors]
    roles = {number: answer.role_arn for number, answer in described.items() if isinstance(answer, Association)}
    whole = (replace(row, role_arn=roles.get(row.association_id, row.role_arn)) for row in rows)
    return AddonMatrix(cluster, tuple(whole), tuple(dict.fromkeys(unread)))


def _default(offer: AddonOffer) -> str:
    versions = offer.versions
    return next((item.version for item in versions if item.default), versions[0].version if versions else "")


def _rows(
    row: AddonRow,
    addon: Addon | None,
    configuration: AddonConfiguration | None,
    associations: Mapping[ServiceAccountRef, AssociationSummary] | None,
) -> Iterable[AddonRow]:
    irsa = addon.service_account_role_arn if addon is not None else ""
    policies = {} if configuration is None else dict(configuration.policies)
    owned = {
        ref.name
        for ref, item in (associations or {}).items()
        if addon is not None and item.owner_arn and addon_name(item.owner_arn) == addon.name
    }
    for account in sorted({*policies, *owned}) or [""]:
        item = (associations or {}).get(ServiceAccountRef(row.namespace, account)) if account else None
        known = associations is not None if account else configuration is not None
        yield replace(
            row,
            service_account=account,
            supported=None if configuration is None else account in policies,
            policies=policies.get(account, ()),
            # Pod Identity takes precedence over IRSA
            mechanism="pod-identity" if item is not None else None if not known else "irsa" if irsa else "none",
            role_arn=irsa if item is None and known else "",
            association_id=item.association_id if item is not None else "",
            owner=addon_name(item.owner_arn) if item is not None and item.owner_arn else "",
        )
