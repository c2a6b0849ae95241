"""EKS Auth: what the agent on a node calls for its pods."""

from podid.aws import decode
from podid.aws.api import Api
from podid.aws.values import PodIdentitySession
from podid.domain.rights import needs


class EksAuth:
    def __init__(self, api: Api) -> None:
        self._api = api

    @needs("eks-auth:AssumeRoleForPodIdentity")
    def assume_role_for_pod_identity(self, cluster: str, token: str) -> PodIdentitySession:
        """Redeem a service account token (audience pods.eks.amazonaws.com) as the agent would.

        Rejected when the token or the role's trust is refused, NotFound when no association fits, AccessDenied when
        the caller itself lacks eks-auth:AssumeRoleForPodIdentity.
        """
        subject = f"a service account of cluster {cluster}"
        params = {"clusterName": cluster, "token": token}
        return self._api.read("AssumeRoleForPodIdentity", params, subject, decode.pod_identity_session)
