"""AWS Organizations: the accounts of the organization, of which the sandbox's own account is the management account."""

from collections.abc import Mapping

from podid.sandbox.aws.service import Call, Handler, Result


def list_accounts(call: Call) -> Result:
    """Return a page of accounts. AWS answers only the management account and delegated administrators."""
    world = call.world
    if not world.organization:
        raise call.error("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    accounts = [
        {
            "Id": account,
            "Arn": f"arn:{world.partition}:organizations::{world.account}:account/o-sandbox0000/{account}",
            "Name": f"account-{account}",
            "Email": f"aws+{account}@example.com",
            "Status": "SUSPENDED" if state in ("SUSPENDED", "CLOSED") else "ACTIVE",
            "State": state,
        }
        for account, state in sorted(world.organization.items())
    ]
    size = 20  # AWS returns at most 20 a page
    begin = int(call.params.get("NextToken") or 0)
    token = {"NextToken": str(begin + size)} if begin + size < len(accounts) else {}
    return {"Accounts": accounts[begin : begin + size], **token}


HANDLERS: Mapping[str, Handler] = {"ListAccounts": list_accounts}
