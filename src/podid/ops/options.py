"""Options and arguments that several commands take, each written once."""

from functools import partial

from podid.domain.names import ServiceAccountRef
from podid.domain.option import argument, arguments, option, several, switch, tags

SCOPES = ("service-account", "namespace", "cluster", "account")
PRESETS = several(
    "NAME[,KEY=VALUE...]",
    "Permissions of a well-known workload, see podid preset list. Repeatable.",
    name="--preset",
    source="presets",
)
POLICY_FILES = several(
    "FILE",
    "Permissions as a JSON policy ('-' is stdin), kept inline under the file's name. Repeatable.",
    name="--policy-file",
)
MANAGED_POLICIES = several(
    "NAME|ARN", "Managed policy to attach; a bare name is AWS's own. Repeatable.", name="--managed-policy"
)
ADOPT = switch("Change a role that exists and that podid did not make here.")
UPDATE_TRUST = switch("Add a statement to the role's trust policy if it needs one, and to its target role's.")
TARGET_PROFILE = option(
    "PROFILE",
    "AWS profile of the target role's account: its trust is looked at, and changed with --update-trust.",
    default="",
)
ROLE = argument("ROLE", "Role, by name or ARN.")
SERVICE_ACCOUNTS = arguments(
    "[NS/SA...]",
    "Service accounts, each as NAMESPACE/NAME.",
    default=(),
    read=ServiceAccountRef.parse_all,
)
SERVICE_ACCOUNT = argument("NS/SA", "The service account, as NAMESPACE/NAME.", read=ServiceAccountRef.parse)
FORCE = switch("Restart even if new pods would not get the credentials that running pods have.", consent=True)
CREATE_SERVICE_ACCOUNT = switch("Create the service account if it does not exist.")
CLUSTER_TAGS = several(
    "KEY=VALUE",
    "In place of --cluster: every cluster of the region with this tag. Repeatable: with all of them.",
    name="--cluster-tag",
    default={},
    read=partial(tags, name="--cluster-tag"),
)
ALLOW_UNKNOWN = switch("Exit 0, not 9, if something could not be checked.")
