"""Error texts with more than one fragment, or with several possible failure modes, in the order in which to check them.
A single text for one mode is in the front matter of that mode's page.

Texts are compared without white space, in lower case, with one kind of quote: see `podid.ops.errortext`. They are those
of the agent (https://github.com/aws/eks-pod-identity-agent), of EKS and EKS Auth, and of the AWS SDKs.

`weight` is the significance of a text. 8 and 9: no other software prints it. 6 and 7: a text of Pod Identity, of its
agent or of its add-on. 4 and 5: a text of AWS that rarely has another meaning. 3 and less: a general text, which
decides only beside a word of Pod Identity (`COMPANIONS`) and never outranks the others.
"""

from podid.pages.texts.form import GENERIC, SharedText
from podid.pages.texts.grants import GRANTS
from podid.pages.texts.way import WAY

__all__ = ("COMPANIONS", "GENERIC", "OF_EKS", "SHARED", "STRANGERS", "UNMISTAKABLE", "SharedText")

# words that connect an error text with Pod Identity
COMPANIONS = (
    "pod-identity",
    "podidentity",
    "169.254.170.23",
    "fd00:ec2::23",
    "eks-auth",
    "eksauth",
    "pods.eks.amazonaws.com",
    "aws_container_credentials_full_uri",
    "aws_container_authorization_token",
    "container-role",
)
UNMISTAKABLE = (
    "eks-pod-identity",
    "169.254.170.23",
    "fd00:ec2::23",
    "eks-auth",
    "eksauth",
    "pods.eks.amazonaws.com",
)
# other clouds use the same names, and other clients than pods assume roles with a token
STRANGERS = (
    "aadpodid",
    "aad-pod-identity",
    "azure",
    "managedidentitycredential",
    "metadata.google.internal",
    "workloadidentityfederation",
    "assumerolewithoidc",
    "token.actions.githubusercontent.com",
    # SDKs use the same texts for the agents of ECS and Greengrass
    "fromecsmetadata",
    "retrieveecsmetadata",
    "/v2/credentials",
    "//169.254.170.2/",
    "2016-11-01/credentialprovider",
    # the webhook of IRSA, on clusters outside of EKS
    "pod-identity-webhook.amazonaws.com",
    "pod-identity-webhook.kube-system.svc",
)
# errors of EKS about associations and add-ons; from another service, the same texts have another meaning
OF_EKS = frozenset(
    {
        "addon-config-conflict",
        "addon-config-schema-invalid",
        "addon-degraded-or-failed",
        "addon-pod-identity-unsupported",
        "association-quota",
        "cross-account-role-arn",
        "duplicate-association",
        "passrole-denied",
        "role-eventual-consistency",
    }
)

SHARED: tuple[SharedText, ...] = (*WAY, *GRANTS)
