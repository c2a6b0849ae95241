"""EKS add-ons: installed add-ons, and the versions that EKS offers."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from podid.aws import decode
from podid.aws.api import ServiceGateway
from podid.aws.decode import Update
from podid.domain.aws import Addon, AddonConfiguration, AddonOffer, AddonVersion
from podid.domain.errors import NotFound
from podid.domain.foreign import about, at
from podid.domain.permissions import needs

_ADDON = at("addon", decode.addon)


class EksAddons(ServiceGateway):
    """The part of `podid.aws.eks.Eks` for add-ons."""

    @needs("eks:DescribeAddon")
    def find_addon(self, cluster: str, name: str) -> Addon | None:
        """Return the add-on, None if the cluster exists and EKS has not installed the add-on."""
        params = {"clusterName": cluster, "addonName": name}
        return self._api.find(
            "DescribeAddon", params, _addon(cluster, name), at("addon", about(decode.addon, **params))
        )

    @needs("eks:ListAddons", find_addon)
    def list_addons(self, cluster: str) -> tuple[Addon, ...]:
        """Return the installed add-ons, sorted by name."""
        params, subject = {"clusterName": cluster}, f"the add-ons of cluster {cluster}"
        addons = self._api.find_listed("ListAddons", params, subject, "addons", partial(self.find_addon, cluster))
        return tuple(addons.values())

    @needs("eks:DescribeAddonVersions")
    def list_addon_versions(self, name: str, kubernetes_version: str) -> tuple[AddonVersion, ...]:
        """Return the versions that EKS offers for that Kubernetes version ("1.34"), newest first; empty if it offers
        none."""
        versions = self._api.items(
            "DescribeAddonVersions",
            {"addonName": name, "kubernetesVersion": kubernetes_version},
            f"the versions of add-on {name}",
            lambda page: decode.addon_versions(page, name, kubernetes_version),
        )
        try:
            return decode.newest_first(versions)
        except NotFound:
            return ()

    @needs("eks:DescribeAddonVersions")
    def list_addon_offers(self, kubernetes_version: str) -> tuple[AddonOffer, ...]:
        """Return every add-on of AWS that EKS offers for that Kubernetes version, sorted by name."""
        offers = self._api.items(
            "DescribeAddonVersions",
            {"kubernetesVersion": kubernetes_version, "owners": ["aws"]},
            "the available add-ons",
            lambda page: decode.addon_offers(page, kubernetes_version),
        )
        return tuple(sorted(offers, key=lambda offer: offer.name))

    @needs("eks:DescribeAddonConfiguration")
    def get_addon_configuration(self, name: str, version: str) -> AddonConfiguration:
        params, subject = {"addonName": name, "addonVersion": version}, f"the configuration of add-on {name} {version}"
        return self._api.read("DescribeAddonConfiguration", params, subject, decode.addon_configuration)

    @needs("eks:CreateAddon")
    def create_addon(
        self,
        cluster: str,
        name: str,
        *,
        version: str | None = None,
        configuration_values: str | None = None,
        resolve_conflicts: str | None = None,
        token: str,
    ) -> Addon:
        """Start the installation: see `find_addon`'s status. Without `version`, EKS uses the default of the cluster's
        Kubernetes version. Raise AlreadyExists if the add-on is installed."""
        params = _changes(version, configuration_values, resolve_conflicts)
        params |= {"clusterName": cluster, "addonName": name, "clientRequestToken": token}
        return self._api.write("CreateAddon", params, _addon(cluster, name), _ADDON)

    @needs("eks:CreateAddon", "iam:PassRole")
    def create_addon_with_roles(
        self,
        cluster: str,
        name: str,
        roles: Mapping[str, str],
        *,
        version: str | None = None,
        configuration_values: str | None = None,
        resolve_conflicts: str | None = None,
        token: str,
    ) -> Addon:
        """Create an add-on as `create_addon` does, with associations that the add-on owns: service account -> ARN of
        its role."""
        params = _changes(version, configuration_values, resolve_conflicts) | _associations(roles)
        params |= {"clusterName": cluster, "addonName": name, "clientRequestToken": token}
        return self._api.write("CreateAddon", params, _addon(cluster, name), _ADDON)

    @needs("eks:UpdateAddon")
    def update_addon(
        self,
        cluster: str,
        name: str,
        *,
        version: str | None = None,
        configuration_values: str | None = None,
        resolve_conflicts: str | None = None,
        irsa_role_arn: str,
        token: str,
    ) -> str:
        """Return the update's ID, for `get_update`. None leaves a setting unchanged. EKS removes the add-on's IRSA role
        if `irsa_role_arn` is empty."""
        params = _changes(version, configuration_values, resolve_conflicts) | _irsa_role(irsa_role_arn)
        params |= {"clusterName": cluster, "addonName": name, "clientRequestToken": token}
        return self._api.write("UpdateAddon", params, _addon(cluster, name), at("update", decode.update)).id

    @needs("eks:UpdateAddon", "iam:PassRole")
    def update_addon_associations(
        self, cluster: str, name: str, roles: Mapping[str, str], *, irsa_role_arn: str, token: str
    ) -> str:
        """Replace the add-on's whole list of associations by `roles` (service account -> ARN of its role); omitted ones
        are deleted. EKS also removes the add-on's IRSA role if `irsa_role_arn` is empty. Return the update's ID, for
        `get_update`. Raise AlreadyExists if a service account has an association that the add-on does not own."""
        params = {"clusterName": cluster, "addonName": name, "clientRequestToken": token}
        params |= _associations(roles) | _irsa_role(irsa_role_arn)
        return self._api.write("UpdateAddon", params, _addon(cluster, name), at("update", decode.update)).id

    @needs("eks:DescribeUpdate")
    def get_update(self, cluster: str, update_id: str, *, addon: str) -> Update:
        return self._api.read(
            "DescribeUpdate",
            {"name": cluster, "updateId": update_id, "addonName": addon},
            f"update {update_id} of {_addon(cluster, addon)}",
            at("update", decode.update),
        )

    @needs("eks:DeleteAddon")
    def delete_addon(self, cluster: str, name: str, *, preserve: bool = False) -> Addon:
        """Start the removal. With `preserve`, the workload remains in the cluster, unmanaged, and so do the
        associations that the add-on owns."""
        params = {"clusterName": cluster, "addonName": name, "preserve": preserve}
        return self._api.write("DeleteAddon", params, _addon(cluster, name), _ADDON)


def _addon(cluster: str, name: str) -> str:
    return f"add-on {name} of cluster {cluster}"


def _associations(roles: Mapping[str, str]) -> dict[str, Any]:
    pairs = [{"serviceAccount": account, "roleArn": arn} for account, arn in sorted(roles.items())]
    return {"podIdentityAssociations": pairs}


def _irsa_role(arn: str) -> dict[str, Any]:
    """Return the member of an update. Without a role it must be omitted: its shortest value has one character.

    https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateAddon.html
    """
    return {"serviceAccountRoleArn": arn} if arn else {}


def _changes(version: str | None, configuration_values: str | None, resolve_conflicts: str | None) -> dict[str, Any]:
    members = {
        "addonVersion": version,
        "configurationValues": configuration_values,
        "resolveConflicts": resolve_conflicts,
    }
    return {member: value for member, value in members.items() if value is not None}
