"""The client for AWS Account Management: the regions of an account."""

from podid.aws.api import ServiceGateway
from podid.domain.foreign import many, text
from podid.domain.permissions import needs

_ENABLED = ["ENABLED", "ENABLED_BY_DEFAULT"]


class AccountManagement(ServiceGateway):
    """AWS Account Management. Each account can list its own regions."""

    @needs("account:ListRegions")
    def list_regions(self) -> tuple[str, ...]:
        """Return the regions that are enabled for the account, sorted."""
        params = {"RegionOptStatusContains": _ENABLED, "MaxResults": 50}
        read = many("Regions", lambda item: text(item, "RegionName"))
        return tuple(sorted(self._api.items("ListRegions", params, "the regions of the account", read)))
