"""Error texts that take more than one fragment, or that can mean several failure modes, and in which order to look at
these. A single text that means one mode is in the front matter of that mode's page.

Texts are compared without white space, in lower case, with one kind of quote: see `podid.ops.errortext`. They are
those of the agent (https://github.com/aws/eks-pod-identity-agent), of EKS and EKS Auth, and of the AWS SDKs.

`weight` says how much a text decides. 8 and 9: nothing else says this. 6 and 7: a text of Pod Identity, of its agent or
of its add-on. 4 and 5: a text of AWS that rarely means something else. 3 and less: anybody's text; it decides only
beside a word of Pod Identity (`COMPANIONS`), and never outranks one of the others.
"""

from podid.pages.texts.form import GENERIC, SharedText
from podid.pages.texts.grants import GRANTS
from podid.pages.texts.way import WAY

__all__ = ("COMPANIONS", "GENERIC", "OF_EKS", "SHARED", "STRANGERS", "UNMISTAKABLE", "SharedText")

# words that tie an error text to Pod Identity
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
# other clouds have something of the same name, and others than pods come to a role with a token
STRANGERS = (
    "aadpodid",
    "aad-pod-identity",
    "azure",
    "managedidentitycredential",
    "metadata.google.internal",
    "workloadidentityfederation",
    "assumerolewithoidc",
    "token.actions.githubusercontent.com",
    # ECS and Greengrass have agents that SDKs ask in the same words
    "fromecsmetadata",
    "retrieveecsmetadata",
    "/v2/credentials",
    "//169.254.170.2/",
    "2016-11-01/credentialprovider",
    # the webhook of IRSA, on clusters that are not EKS's
    "pod-identity-webhook.amazonaws.com",
    "pod-identity-webhook.kube-system.svc",
)
# what EKS says to whoever makes associations and add-ons: where another service was asked, it means something else
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
