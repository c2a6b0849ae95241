"""Read access keys that are stored in the cluster, and permissions by which others get an identity."""

from collections.abc import Iterable

from podid.calls import pacing
from podid.domain.aws import AccessPolicy
from podid.domain.exposure import TEMPORARY, AccessKey, IdentityGrant, KeyPlace
from podid.ops.reading.readings import Source


def access_keys(source: Source) -> tuple[AccessKey, ...]:
    """Return the access keys in pods and ConfigMaps."""
    kube = source.kube
    places = (*source.of_namespaces(kube.list_keys_of_pods), *source.of_namespaces(kube.list_keys_of_config_maps))
    return _with_accounts(source, places)


def secret_keys(source: Source) -> tuple[AccessKey, ...]:
    return _with_accounts(source, source.of_namespaces(source.kube.list_keys_of_secrets))


def _with_accounts(source: Source, places: Iterable[KeyPlace]) -> tuple[AccessKey, ...]:
    """Return the keys without their IDs, each with its account if STS returns it."""
    listed = tuple(places)
    sts, ids = source.clients.aws.sts, sorted({place.key_id for place in listed})
    accounts = dict(pacing.fan_out(pacing.attempt(sts.get_key_account), ids, reads=True)) if ids else {}
    keys = {
        AccessKey(
            place.subject,
            place.place,
            place.key_id[-4:],
            place.key_id.startswith(TEMPORARY),
            account if isinstance(account := accounts[place.key_id], str) else "",
        )
        for place in listed
    }
    return tuple(sorted(keys))


def access_policies(source: Source) -> tuple[AccessPolicy, ...]:
    """Return the access policies of the cluster; none if only the ConfigMap aws-auth grants access."""
    if source.cluster.authentication_mode == "CONFIG_MAP":
        return ()
    return source.clients.eks.list_access_policies(source.cluster.name)


def grants(source: Source) -> tuple[IdentityGrant, ...]:
    """Return the grants in the namespaces, and those in all namespaces, once."""
    namespaces = source.namespaces or ("",)
    return tuple(sorted({grant for namespace in namespaces for grant in source.kube.list_grants(namespace)}))
