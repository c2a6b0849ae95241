"""EKS add-ons: installed add-ons, and the versions that EKS offers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from podid.aws import decode
from podid.aws.api import ServiceGateway
from podid.aws.decode import Update
from podid.calls import pacing
from podid.domain.aws import Addon, AddonConfiguration, AddonOffer, AddonVersion
from podid.domain.errors import ClusterNotFound, NotFound
from podid.domain.foreign import about, at
from podid.domain.permissions import needs

_ADDON = at("addon", decode.addon)
# the members of a request, and those that a change can show late
_SETTINGS = {"addonVersion": "version", "configurationValues": "configuration_values"}
_MEMBERS = (*_SETTINGS.values(), "status")


class EksAddons(ServiceGateway):
    """The part of `podid.aws.eks.Eks` for add-ons."""

    @needs("eks:DescribeAddon")
    def find_addon(self, cluster: str, name: str) -> Addon | None:
        """Return the add-on, None if the cluster exists and EKS has not installed the add-on."""
        params = {"clusterName": cluster, "addonName": name}
        read = at("addon", about(decode.addon, **params))
        return self._addon_as_written(
            cluster, name, self._api.find("DescribeAddon", params, _addon(cluster, name), read)
        )

    def _addon_as_written(self, cluster: str, name: str, read: Addon | None) -> Addon | None:
        """Return the add-on with the changes that EKS does not show yet: until then it is being changed."""
        written, key = self._api.written, self._api.key("addon", cluster, name)
        current = written.current("DescribeAddon", key, None if read is None else read.arn)
        if current is None:
            return None
        if read is None or read.arn != current:
            known: Addon | None = written.read(key)
            return known
        addon = written.members("DescribeAddon", key, read, _MEMBERS)
        if addon != read and addon.status != "DELETING":
            addon = replace(addon, status="UPDATING")
        written.note(key, addon)
        return addon

    @needs("eks:ListAddons", find_addon)
    def list_addons(self, cluster: str, known: Iterable[Addon] = ()) -> tuple[Addon, ...]:
        """Return all add-ons. Those of `known` are not described again."""
        described = {addon.name: addon for addon in known}

        def find(name: str) -> Addon | None:
            return described.get(name) or self.find_addon(cluster, name)

        pairs = pacing.fan_out(find, self._iter_addon_names(cluster))
        return tuple(addon for _, addon in sorted(pairs) if addon is not None)

    def _iter_addon_names(self, cluster: str) -> Iterator[str]:
        """Yield the listed add-ons, and those that EKS has created and does not list yet."""
        written, key, listed = self._api.written, self._api.key("addon", cluster), set[str]()
        params, subject = {"clusterName": cluster}, f"the add-ons of cluster {cluster}"
        for name in self._api.names("ListAddons", params, subject, "addons"):
            listed.add(name)
            yield name
        for own, addon in written.parts(key):
            is_listed = own[-1] in listed
            current = written.current("ListAddons", own, addon.arn if addon and is_listed else None)
            if current is not None and not is_listed:
                yield own[-1]

    @needs("eks:DescribeAddonVersions")
    def list_addon_versions(self, name: str, kubernetes_version: str) -> tuple[AddonVersion, ...]:
        """Return the versions that EKS offers for that Kubernetes version ("1.34"), newest first; empty if it offers
        none."""
        offers = self._api.items(
            "DescribeAddonVersions",
            {"addonName": name, "kubernetesVersion": kubernetes_version},
            f"the versions of add-on {name}",
            lambda page: decode.addon_offers(page, kubernetes_version),
        )
        try:
            return decode.newest_first(item for offer in offers if offer.name == name for item in offer.versions)
        except NotFound:
            return ()

    @needs("eks:DescribeAddonVersions")
    def list_addon_offers(self, kubernetes_version: str) -> tuple[AddonOffer, ...]:
        """Return every add-on of AWS and of the community, such as external-dns, that EKS offers for that Kubernetes
        version, sorted by name. https://docs.aws.amazon.com/eks/latest/userguide/community-addons.html"""
        offers = self._api.items(
            "DescribeAddonVersions",
            {"kubernetesVersion": kubernetes_version, "owners": ["aws", "community"]},
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
        self, cluster: str, name: str, settings: Mapping[str, object] | None = None, *, token: str
    ) -> Addon:
        """Start the installation: see `find_addon`'s status. `settings` are members of the request. Without
        `addonVersion`, EKS uses the default of the cluster's Kubernetes version. Raise AlreadyExists if the add-on is
        installed."""
        params = {**(settings or {}), "clusterName": cluster, "addonName": name, "clientRequestToken": token}
        addon = self._api.write("CreateAddon", params, _addon(cluster, name), _ADDON)
        self._api.written.keep(self._api.key("addon", cluster, name), None, addon.arn, addon)
        for arn in addon.association_arns:
            key = self._api.key("association", cluster, arn.rpartition("/")[2])
            self._api.written.keep(key, before=False, after=True)
        return addon

    @needs(create_addon, "iam:PassRole")
    def create_addon_with_roles(
        self, cluster: str, name: str, settings: Mapping[str, object], *, roles: Mapping[str, str], token: str
    ) -> Addon:
        """Create an add-on as `create_addon` does, with associations that the add-on owns: service account -> ARN of
        its role."""
        return self.create_addon(cluster, name, {**settings, **_associations(roles)}, token=token)

    @needs("eks:UpdateAddon")
    def update_addon(
        self, cluster: str, name: str, settings: Mapping[str, object], *, irsa_role_arn: str = "", token: str
    ) -> str:
        """Return the update's ID, for `get_update`. A setting that is omitted is unchanged. EKS removes the add-on's
        IRSA role if `irsa_role_arn` is empty."""
        params = {**settings, "clusterName": cluster, "addonName": name, "clientRequestToken": token}
        if irsa_role_arn:  # its shortest value has one character: https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateAddon.html
            params["serviceAccountRoleArn"] = irsa_role_arn
        update = self._api.write("UpdateAddon", params, _addon(cluster, name), at("update", decode.update)).id
        changed = {_SETTINGS[key]: value for key, value in settings.items() if key in _SETTINGS}
        self._api.written.keep_members(self._api.key("addon", cluster, name), **changed)
        self._api.written.keep(self._api.key("update", cluster, name, update), None, update)
        return update

    @needs(update_addon, "iam:PassRole")
    def update_addon_with_role(
        self, cluster: str, name: str, settings: Mapping[str, object], *, irsa_role_arn: str, token: str
    ) -> str:
        """Update an add-on that keeps its IRSA role."""
        return self.update_addon(cluster, name, settings, irsa_role_arn=irsa_role_arn, token=token)

    @needs(update_addon, "iam:PassRole")
    def update_addon_associations(
        self, cluster: str, name: str, roles: Mapping[str, str], *, irsa_role_arn: str, token: str
    ) -> str:
        """Replace the add-on's whole list of associations by `roles` (service account -> ARN of its role); omitted ones
        are deleted. EKS also removes the add-on's IRSA role if `irsa_role_arn` is empty. Return the update's ID, for
        `get_update`. Raise AlreadyExists if a service account has an association that the add-on does not own."""
        return self.update_addon(cluster, name, _associations(roles), irsa_role_arn=irsa_role_arn, token=token)

    @needs("eks:DescribeUpdate")
    def get_update(self, cluster: str, update_id: str, *, addon: str) -> Update:
        params = {"name": cluster, "updateId": update_id, "addonName": addon}
        subject = f"update {update_id} of {_addon(cluster, addon)}"
        try:
            return self._api.read("DescribeUpdate", params, subject, at("update", decode.update))
        except ClusterNotFound:
            raise
        except NotFound:
            key = self._api.key("update", cluster, addon, update_id)
            if self._api.written.current("DescribeUpdate", key, None) is None:
                raise
            return Update(id=update_id, status="InProgress")  # EKS has answered it and does not show it yet

    @needs("eks:DeleteAddon")
    def delete_addon(self, cluster: str, name: str, *, preserve: bool = False) -> Addon:
        """Start the removal. With `preserve`, the workload remains in the cluster, unmanaged, and so do the
        associations that the add-on owns."""
        params = {"clusterName": cluster, "addonName": name, "preserve": preserve}
        addon = self._api.write("DeleteAddon", params, _addon(cluster, name), _ADDON)
        self._api.written.keep_members(self._api.key("addon", cluster, name), status="DELETING")
        return addon


def _addon(cluster: str, name: str) -> str:
    return f"add-on {name} of cluster {cluster}"


def _associations(roles: Mapping[str, str]) -> dict[str, Any]:
    pairs = [{"serviceAccount": account, "roleArn": arn} for account, arn in sorted(roles.items())]
    return {"podIdentityAssociations": pairs}
