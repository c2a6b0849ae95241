"""What EKS Auth says of a service account's token and of the role that is associated with it."""

from functools import partial

from podid.domain.errors import Rejected
from podid.domain.refusals import ErrorRule

_redeeming = partial(ErrorRule, Rejected, service="eks-auth", operations=("AssumeRoleForPodIdentity",))

RULES: tuple[ErrorRule, ...] = (
    _redeeming(
        "EKS Auth does not accept the service account token{on}: it has expired ({text})",
        codes=("ExpiredTokenException",),
    ),
    _redeeming(
        "EKS Auth does not accept the service account token{on} ({text})",
        codes=("InvalidTokenException",),
        advice="The token must be for the audience pods.eks.amazonaws.com, of this cluster, and bound to a pod.",
    ),
    # it comes as a missing right, and is none of the caller's
    _redeeming(
        "EKS may not assume the associated role{on}: its trust policy does not admit it ({text})",
        codes=("AccessDeniedException",),
        fragments=("eks does not have permissions to assume the associated role",),
    ),
)
