"""OIDC providers of IAM."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from podid.aws import decode
from podid.aws.api import ServiceGateway
from podid.aws.iam_written import WrittenRoles
from podid.domain.aws import OidcProvider
from podid.domain.foreign import list_at, text
from podid.domain.permissions import needs


class IamProviders(ServiceGateway):
    """The part of `podid.aws.iam.Iam` for OIDC providers."""

    @cached_property
    def _written(self) -> WrittenRoles:
        return WrittenRoles(self._api.key, self._api.written)

    @needs("iam:ListOpenIDConnectProviders")
    def list_oidc_providers(self) -> tuple[str, ...]:
        read = list_at("OpenIDConnectProviderList", partial(text, name="Arn"))
        listed = list(self._api.read("ListOpenIDConnectProviders", {}, "the OIDC providers", read))
        return tuple(sorted(self._written.providers("ListOpenIDConnectProviders", listed)))

    @needs("iam:GetOpenIDConnectProvider")
    def find_oidc_provider(self, arn: str) -> OidcProvider | None:
        params = {"OpenIDConnectProviderArn": arn}
        provider = self._api.find("GetOpenIDConnectProvider", params, f"OIDC provider {arn}", decode.oidc_provider)
        whole = None if provider is None else replace(provider, arn=arn)
        return self._written.provider("GetOpenIDConnectProvider", arn, whole)

    @needs("iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider")
    def create_oidc_provider(self, provider: OidcProvider) -> None:
        """Create an OIDC provider. Raise AlreadyExists if one with that URL exists."""
        params: dict[str, Any] = {
            "Url": f"https://{provider.url.removeprefix('https://')}",
            "ClientIDList": list(provider.client_ids),
            "ThumbprintList": list(provider.thumbprints),
        }
        if provider.tags:
            params["Tags"] = tags_of(provider.tags)
        self._api.write("CreateOpenIDConnectProvider", params, f"OIDC provider {provider.arn}")
        self._written.keep_provider(provider.arn, provider)

    @needs("iam:DeleteOpenIDConnectProvider")
    def delete_oidc_provider(self, arn: str) -> None:
        """Delete an OIDC provider. IAM deletes it even if trust policies of roles name it."""
        params = {"OpenIDConnectProviderArn": arn}
        self._api.write("DeleteOpenIDConnectProvider", params, f"OIDC provider {arn}")
        self._written.keep_provider(arn, None)


def tags_of(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
