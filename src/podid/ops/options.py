"""Options and arguments that several commands take, each written once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from podid.domain.names import ServiceAccountRef
from podid.domain.option import argument, arguments, option, repeatable, switch, tags

if TYPE_CHECKING:
    from podid.domain.trust import OwnCondition

# AWS managed policies that roles of pods often have; completion offers them without a call
WELL_KNOWN_POLICIES = (
    "AmazonBedrockFullAccess",
    "AmazonDynamoDBFullAccess",
    "AmazonDynamoDBReadOnlyAccess",
    "AmazonKinesisReadOnlyAccess",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonSNSFullAccess",
    "AmazonSQSFullAccess",
    "AmazonSQSReadOnlyAccess",
    "AmazonSSMReadOnlyAccess",
    "AWSXRayDaemonWriteAccess",
    "CloudWatchAgentServerPolicy",
    "CloudWatchReadOnlyAccess",
    "SecretsManagerReadWrite",
)


def _conditions(texts: Sequence[str]) -> tuple[OwnCondition, ...]:
    from podid.domain.trust import parse_conditions

    return parse_conditions(texts)


PLAN_KEY_FILE = option(
    "FILE", "File with the key that signs saved plans. [default: $PODID_PLAN_KEY]", name="--plan-key-file"
)
CONDITIONS = repeatable(
    "[OPERATOR:]KEY=VALUE",
    "Further condition of the trust policy statement; the default operator is StringEquals.",
    name="--condition",
    read=_conditions,
)
SCOPES = ("service-account", "namespace", "cluster", "account")
# of statements that are added; removing one requires its own scope
SCOPE = option(
    "SCOPE",
    "Scope of the added statement: service-account, namespace, cluster or account.",
    name="--scope",
    default="service-account",
    env=("PODID_SCOPE",),
    values=SCOPES,
)
COLUMNS = option(
    "NAMES",
    "Only these columns, comma-separated: namespace, service-account, role, target-role, owner, created, modified, "
    "association-id, session-tags, session-policy, not-read, pods, injected, stale, exists, role-exists, status.",
    name="--columns",
    default="",
    env=("PODID_COLUMNS",),
    source="list-columns",
)
PRESETS = repeatable(
    "NAME[,KEY=VALUE...]", "Permissions of a preset (podid preset list).", name="--preset", source="presets"
)
POLICY_FILES = repeatable("FILE|-", "Inline policy as JSON, named after the file.", name="--policy-file")
MANAGED_POLICIES = repeatable(
    "NAME|ARN", "ARN, or name of an AWS managed policy.", name="--managed-policy", suggests=WELL_KNOWN_POLICIES
)
ADOPT = switch("Change a role that podid did not create.")
UPDATE_TRUST = switch("Add missing statements to the trust policies.")
REMOVE_FROM_TARGETS = switch("Also remove a deleted role from the trust policies of its target roles.")
TARGET_PROFILE = option("PROFILE", "AWS profile for the target role's trust policy.")
ROLE = argument("ROLE", "Name or ARN of the role.")
SERVICE_ACCOUNTS = arguments(
    "[NS/SA...]", "Service accounts, each as NAMESPACE/NAME.", read=ServiceAccountRef.parse_all
)
SERVICE_ACCOUNT = argument("NS/SA", "The service account, as NAMESPACE/NAME.", read=ServiceAccountRef.parse)
FORCE = switch("Restart even if new pods would lose their credentials.", consent=True)
CREATE_SERVICE_ACCOUNT = switch("Create the service account if it does not exist.")
OLDER_THAN = option("TIME", "Report as unused after this time without use, at most 400d.", default="90d")
CLUSTER_TAGS = repeatable(
    "KEY=VALUE",
    "Every cluster that has all of these tags.",
    name="--cluster-tag",
    read=partial(tags, name="--cluster-tag"),
)
ALLOW_UNKNOWN = switch("Exit 0, not 9, if something could not be checked.")
