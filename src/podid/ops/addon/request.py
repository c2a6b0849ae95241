"""Options of podid addon associate."""

from podid.domain.errors import Again, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.option import argument, option, options, switch
from podid.ops.options import UPDATE_TRUST


def account_name(text: str) -> str:
    """Return the name of an add-on's service account. Raise UsageError, with the corrected command, if it has a
    namespace."""
    _, slash, name = text.rpartition("/")
    if slash and name:
        message = "Specify the service account of an add-on without a namespace: it is in the add-on's namespace"
        raise UsageError(message, hint=Again(swap=(text, name)), subject=text)
    return ServiceAccountRef.parse(f"kube-system/{text}").name


@options
class AddonRequest:
    """`account` empty: all service accounts that the add-on's version supports."""

    addon: str = argument("ADDON", "The installed add-on.")
    account: str = argument("[SA]", "Service account of the add-on, without namespace.", default="", read=account_name)
    role: str = option("ROLE", "IAM role, by name or ARN.", default="")
    recommended: bool = switch("Create a role with the policies that AWS recommends, for each service account.")
    replace: bool = switch("Replace the current role, or an association that the add-on does not own.")
    update_trust: bool = UPDATE_TRUST

    def check_together(self) -> None:
        """Raise UsageError for options that cannot be used together."""
        if self.recommended == bool(self.role):
            raise UsageError("Specify the role: --role ROLE, or --recommended to create one")
