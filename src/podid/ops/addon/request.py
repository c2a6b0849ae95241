"""What an add-on's service accounts are to get, as options of podid addon associate."""

from podid.domain.errors import Again, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.option import argument, option, options, switch
from podid.ops.options import UPDATE_TRUST


def account_name(text: str) -> str:
    """The name of an add-on's service account. Raises UsageError, with the command to paste, where a namespace is given
    too: it is the add-on's own."""
    _, slash, name = text.rpartition("/")
    if slash and name:
        message = "A service account of an add-on is named without its namespace, which is the add-on's own"
        raise UsageError(message, hint=Again(swap=(text, name)), subject=text)
    return ServiceAccountRef.parse(f"kube-system/{text}").name


@options
class AddonRequest:
    """`account` empty: all that the add-on's version supports."""

    addon: str = argument("ADDON", "The installed add-on.")
    account: str = argument("[SA]", "Its service account, without namespace.", default="", read=account_name)
    role: str = option("ROLE", "IAM role, by name or ARN.", default="")
    recommended: bool = switch("Make a role with the policies that AWS recommends, for each account.")
    replace: bool = switch("Change a role that is there, or delete an association that stands alone.")
    update_trust: bool = UPDATE_TRUST

    def check_together(self) -> None:
        """Raises UsageError for what does not go together."""
        if self.recommended == bool(self.role):
            raise UsageError("Name the role with --role, or have one made with --recommended")
