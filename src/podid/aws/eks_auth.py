"""EKS Auth: what the agent on a node calls for its pods."""

from podid.aws.api import Api
from podid.aws.values import Credentials, PodIdentitySession
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
        answer = self._api.read("AssumeRoleForPodIdentity", {"clusterName": cluster, "token": token}, subject)
        credentials = answer["credentials"]
        return PodIdentitySession(
            credentials=Credentials(
                access_key_id=credentials["accessKeyId"],
                secret_access_key=credentials["secretAccessKey"],
                session_token=credentials["sessionToken"],
                expires_at=credentials.get("expiration"),
            ),
            assumed_role_arn=answer["assumedRoleUser"]["arn"],
            assumed_role_id=answer["assumedRoleUser"]["assumeRoleId"],
            association_id=answer["podIdentityAssociation"]["associationId"],
            association_arn=answer["podIdentityAssociation"]["associationArn"],
            namespace=answer["subject"]["namespace"],
            service_account=answer["subject"]["serviceAccount"],
            audience=answer["audience"],
        )
