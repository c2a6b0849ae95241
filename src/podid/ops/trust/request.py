"""What is asked for of trust policies, as options of the commands about them."""

from collections.abc import Mapping
from functools import partial

from podid.domain.names import ServiceAccountRef
from podid.domain.option import arguments, option, options, several, switch, tags
from podid.ops.options import SCOPES


@options
class TrustOptions:
    """Which policies, of files or of a role, and whose pods."""

    files: tuple[str, ...] = arguments(
        "[FILE|-...]", "Trust policies as JSON, or what aws iam get-role prints; '-' is stdin.", default=()
    )
    role: str | None = option("ROLE", "In place of FILE: the role with this name or ARN.")
    service_accounts: tuple[ServiceAccountRef, ...] = several(
        "NS/SA", "Whose pods are meant. Repeatable.", name="--for", read=ServiceAccountRef.parse_all
    )
    cluster_arn: str | None = option("ARN", "The cluster that they run in; with FILE no AWS access is needed then.")


SESSION_TAGS = switch("Whether the association sends session tags.", default=True, off="--no-session-tags")


@options
class TrustEditOptions(TrustOptions):
    scope: str = option(
        "SCOPE",
        "service-account, namespace, cluster or account: how far the statement reaches.",
        default="service-account",
        values=SCOPES,
    )
    session_tags: bool = SESSION_TAGS
    in_place: bool = switch("Write the new policy into FILE.")


@options
class TrustCheckOptions(TrustOptions):
    session_tags: bool = SESSION_TAGS
    base_role: str | None = option(
        "ARN", "The policy is a target role's: this is the association's own role, which assumes it."
    )
    external_id: str | None = option("ID", "The association's externalId, with --base-role.")
    role_tags: Mapping[str, str] | None = several(
        "KEY=VALUE",
        "A tag of the role that FILE belongs to. Repeatable.",
        name="--role-tag",
        default=None,
        read=partial(tags, name="--role-tag"),
    )
    pods: tuple[str, ...] = several("NAME", "A live pod, for conditions on pod names. Repeatable.", name="--pod")
