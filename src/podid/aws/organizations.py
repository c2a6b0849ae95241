"""The client for AWS Organizations: the accounts of the organization."""

from podid.aws.api import ServiceGateway
from podid.domain.foreign import many, text, text_or
from podid.domain.permissions import needs


class Organizations(ServiceGateway):
    """Only the management account and delegated administrators may call it."""

    @needs("organizations:ListAccounts")
    def list_active_accounts(self) -> tuple[str, ...]:
        """Return the IDs of the active accounts, sorted: suspended and closed ones have no usable roles."""
        read = many("Accounts", lambda item: (text(item, "Id"), text_or(item, "State") or text_or(item, "Status")))
        accounts = self._api.items("ListAccounts", {}, "the accounts of the organization", read)
        # an SDK of before 2025 has only Status, which has the value ACTIVE too
        return tuple(sorted(account for account, state in accounts if state == "ACTIVE"))
