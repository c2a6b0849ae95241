"""`Impersonate-…`: as whom a request is to be carried out, and the rights that it takes
(kubernetes, apiserver/pkg/endpoints/filters/impersonation)."""

from collections.abc import Iterator
from urllib.parse import unquote

from podid.sandbox.http import HttpRequest
from podid.sandbox.kube.authn import ANONYMOUS, User, service_account_groups
from podid.sandbox.kube.authz import ResourceAccess
from podid.sandbox.kube.status import StatusError

_ACCOUNT = "system:serviceaccount:"
_EXTRA = "impersonate-extra-"
_GROUP = "authentication.k8s.io"


def impersonated(request: HttpRequest) -> User | None:
    """None for a request that is its caller's own."""
    name, uid = request.header("impersonate-user"), request.header("impersonate-uid")
    groups, extra = request.values("impersonate-group"), tuple(_extra(request))
    if not name:
        if uid or groups or extra:
            told = f'Internal Server Error: "{request.path}": requested uid, groups or extra without a user'
            raise StatusError(500, "InternalError", told, {"causes": [{"message": told}]})
        return None
    if not groups and name.startswith(_ACCOUNT):
        groups = service_account_groups(name.removeprefix(_ACCOUNT).partition(":")[0])
    elif name != ANONYMOUS.name and "system:authenticated" not in groups:
        groups += ("system:authenticated",)
    keys = dict.fromkeys(key for key, _ in extra)
    return User(name, uid, groups, tuple((key, tuple(v for k, v in extra if k == key)) for key in keys))


def permissions_for(request: HttpRequest) -> Iterator[ResourceAccess]:
    """What the caller has to be allowed for that."""
    name, uid = request.header("impersonate-user"), request.header("impersonate-uid")
    if name.startswith(_ACCOUNT):
        namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
        yield ResourceAccess("impersonate", "", "serviceaccounts", namespace, account)
    else:
        yield ResourceAccess("impersonate", "", "users", "", name)
    for group in request.values("impersonate-group"):
        yield ResourceAccess("impersonate", "", "groups", "", group)
    for key, value in _extra(request):
        yield ResourceAccess("impersonate", _GROUP, f"userextras/{key}", "", value)
    if uid:
        yield ResourceAccess("impersonate", _GROUP, "uids", "", uid)


def _extra(request: HttpRequest) -> Iterator[tuple[str, str]]:
    for name, value in request.lines:
        if name.startswith(_EXTRA):
            yield unquote(name.removeprefix(_EXTRA)), value
