"""The clients for small services: AWS Account Management, AWS Organizations, and CloudFormation."""

from podid.aws.api import ServiceGateway
from podid.domain.foreign import Object, list_at, text, text_or
from podid.domain.owners import Owner, of_stack
from podid.domain.permissions import needs

_ENABLED = ["ENABLED", "ENABLED_BY_DEFAULT"]
_ROLE = "AWS::IAM::Role"


class AccountManagement(ServiceGateway):
    """AWS Account Management. Each account can list its own regions."""

    @needs("account:ListRegions")
    def list_regions(self) -> tuple[str, ...]:
        """Return the regions that are enabled for the account, sorted."""
        params = {"RegionOptStatusContains": _ENABLED, "MaxResults": 50}
        read = list_at("Regions", lambda item: text(item, "RegionName"))
        return tuple(sorted(self._api.some("ListRegions", params, "the regions of the account", read)))


class Organizations(ServiceGateway):
    """Only the management account and delegated administrators may call it."""

    @needs("organizations:ListAccounts")
    def list_active_accounts(self) -> tuple[str, ...]:
        """Return the IDs of the active accounts, sorted: suspended and closed ones have no usable roles."""
        read = list_at("Accounts", lambda item: (text(item, "Id"), text_or(item, "State") or text_or(item, "Status")))
        accounts = self._api.some("ListAccounts", {}, "the accounts of the organization", read)
        # an SDK of before 2025 has only Status, which has the value ACTIVE too
        return tuple(sorted(account for account, state in accounts if state == "ACTIVE"))


class CloudFormation(ServiceGateway):
    @needs("cloudformation:DescribeStackResources")
    def find_owner_of_role(self, name: str) -> Owner | None:
        """Return the stack of this region that has the role; None if no stack has it. CloudFormation also knows stacks
        that were deleted in the last 90 days."""

        def read(item: Object) -> tuple[str, str, str, str]:
            return (
                text(item, "ResourceType"),
                text_or(item, "PhysicalResourceId"),
                text_or(item, "ResourceStatus"),
                text_or(item, "StackName"),
            )

        request = {"PhysicalResourceId": name}
        listed = list_at("StackResources", read)
        resources = self._api.find("DescribeStackResources", request, f"role {name}", listed)
        for kind, physical, status, stack in resources or ():
            if (kind, physical) == (_ROLE, name) and status != "DELETE_COMPLETE":
                return of_stack(stack)
        return None
