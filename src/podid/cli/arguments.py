"""Arguments and options that several commands take, each written once. What was typed for them is parsed by
`podid.cli.typed`."""

from podid.domain.option import argument, arguments, option, several, switch

SERVICE_ACCOUNTS = arguments("[NS/SA...]", "Service accounts, each as NAMESPACE/NAME.", default=())
SERVICE_ACCOUNT = argument("NS/SA", "The service account, as NAMESPACE/NAME.")
UPDATE_TRUST = switch("Add a statement to the role's trust policy if it needs one, and to its target role's.")
ROLE = argument("ROLE", "Role, by name or ARN.")
POLICY_FILES = several(
    "FILE",
    "Permissions as a JSON policy ('-' is stdin), kept inline under the file's name. Repeatable.",
    name="--policy-file",
)
MANAGED_POLICIES = several(
    "NAME|ARN", "Managed policy to attach; a bare name is AWS's own. Repeatable.", name="--managed-policy"
)
FORCE = switch("Restart even if new pods would not get the credentials that running pods have.", consent=True)
ADOPT = switch("Change a role that exists and that podid did not make here.")
TRUST_FILES = arguments(
    "[FILE|-...]", "Trust policies as JSON, or what aws iam get-role prints; '-' is stdin.", default=()
)
TRUST_ROLE = option("ROLE", "In place of FILE: the role with this name or ARN.")
TRUST_FOR = several("NS/SA", "Whose pods are meant. Repeatable.")
CLUSTER_ARN = option("ARN", "The cluster that they run in; with FILE no AWS access is needed then.")
_SCOPES = ("service-account", "namespace", "cluster", "account")
TRUST_SCOPE = option(
    "SCOPE",
    "service-account, namespace, cluster or account: how far the statement reaches.",
    default="service-account",
    values=_SCOPES,
)
SESSION_TAGS = switch("Whether the association sends session tags.", default=True, off="--no-session-tags")
IN_PLACE = switch("Write the new policy into FILE.")
ROLE_PATH = option("PATH", "IAM path of the role. [default: /]")
ROLE_DESCRIPTION = option("TEXT", "Description of the role.")
BOUNDARY = option(
    "NAME|ARN", "Managed policy that bounds the role; a bare name is AWS's own.", also=("--permissions-boundary",)
)
MAX_SESSION_DURATION = option(
    "TIME", "Longest session that others may ask for, 1h to 12h; pods get theirs from EKS. [default: 1h]"
)
SCOPE = option(
    "SCOPE",
    "With --update-trust: service-account, namespace, cluster or account.",
    default="service-account",
    values=_SCOPES,
)
REPLACE = switch("Change an association that is there with other settings.")
CREATE_SERVICE_ACCOUNT = switch("Create the service account if it does not exist.")
STRICT = switch("Refuse a service account that does not exist, or cannot be looked at.")
PRESETS = several(
    "NAME[,KEY=VALUE...]",
    "Permissions of a well-known workload, see podid preset list. Repeatable.",
    name="--preset",
    source="presets",
)
TARGET_PROFILE = option(
    "PROFILE", "AWS profile of the target role's account: its trust is looked at, and changed with --update-trust."
)
CLOUDTRAIL = switch("Look into CloudTrail's event history too: two calls a second at most.")
ASSOCIATION_FORM = option(
    "FORM", "terraform: print associations, and a role that is made, in that form; nothing is changed."
)
CLUSTER_TAGS = several(
    "KEY=VALUE", "In place of --cluster: every cluster of the region with this tag. Repeatable: with all of them."
)
