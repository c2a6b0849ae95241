"""Options of podid addon associate."""

from collections.abc import Mapping, Sequence

from podid.domain.errors import Again, InvalidInput, Other, UsageError
from podid.domain.names import ServiceAccountRef, check_role
from podid.domain.option import argument, option, options, repeatable, switch
from podid.ops.agent.request import AddonSettings
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
    """`account` empty: all service accounts that the add-on's version supports. `addon` empty: all add-ons."""

    addon: str = argument("[ADDON]", "The installed add-on.")
    account: str = argument("[SA]", "Service account of the add-on, without namespace.", read=account_name)
    role: str = option("ROLE", "IAM role, by name or ARN.")
    recommended: bool = switch("Create a role with the policies that AWS recommends, for each service account.")
    all_addons: bool = switch("Every installed add-on whose service accounts have no role.", name="--all")
    replace: bool = switch("Replace the current role, or an association that the add-on does not own.")
    update_trust: bool = UPDATE_TRUST

    def check_together(self) -> None:
        """Raise UsageError for options that cannot be used together."""
        if self.all_addons and (self.addon or not self.recommended):
            raise UsageError("--all requires --recommended, and no add-on")
        if not self.addon and not self.all_addons:
            raise UsageError("Specify the add-on, or all of them: --recommended --all", hint=Other(("addon", "list")))
        if self.recommended == bool(self.role):
            raise UsageError("Specify the role: --role ROLE, or --recommended to create one")


def _roles(texts: Sequence[str]) -> dict[str, str]:
    """Return SA=ROLE pairs. Raise InvalidInput."""
    roles: dict[str, str] = {}
    for text in texts:
        account, equals, role = text.partition("=")
        if not equals or not role:
            raise InvalidInput(f"--role {text!r} is not SA=ROLE", subject=text)
        if roles.setdefault(account_name(account), check_role(role)) != role:
            raise InvalidInput(f"--role names {account} twice", subject=account)
    return roles


@options
class AddonInstallOptions(AddonSettings):
    addon: str = argument("ADDON", "The add-on.")
    roles: Mapping[str, str] = repeatable(
        "SA=ROLE", "Role for one of the add-on's service accounts.", name="--role", read=_roles
    )
    recommended: bool = switch("Create a role with the policies that AWS recommends, for each service account.")
    replace: bool = switch("Replace a current role, or an association that the add-on does not own.")
    update_trust: bool = UPDATE_TRUST
