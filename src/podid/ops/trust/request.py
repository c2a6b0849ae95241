"""Options of the commands about trust policies, as groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from podid.domain.errors import Again, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.option import arguments, option, options, repeatable, switch, tags
from podid.ops.options import CONDITIONS, SCOPE, SCOPES

if TYPE_CHECKING:
    from podid.domain.trust import OwnCondition


@options
class TrustOptions:
    """The policies, of files or of a role, and the service accounts."""

    files: tuple[str, ...] = arguments(
        "[FILE|-...]", "Trust policies as JSON, or the output of aws iam get-role. '-' is stdin."
    )
    role: str | None = option("ROLE", "Role, by name or ARN, instead of FILE.")
    service_accounts: tuple[ServiceAccountRef, ...] = repeatable(
        "NS/SA", "Service account of the pods.", name="--for", read=ServiceAccountRef.parse_all
    )
    cluster_arn: str | None = option("ARN", "Cluster of the pods. podid then reads FILE without calling AWS.")

    def check_together(self, read_file: Callable[[str], str]) -> None:
        """Raise UsageError unless either files or a role are specified, and for a file that cannot be read: files are
        checked first."""
        if not self.files and self.role is None:
            raise UsageError("Specify a trust policy: FILE ('-' is stdin) or --role ROLE")
        if self.files and self.role is not None:
            raise UsageError("FILE and --role cannot be used together")
        if self.files.count("-") > 1:
            raise UsageError("'-' (stdin) can be specified only once")
        for name in self.files:
            if name != "-":
                try:
                    read_file(name)
                except UsageError as error:
                    like_a_role = name.startswith("arn:") or not set("./{[") & set(name)
                    if isinstance(error.__cause__, FileNotFoundError) and like_a_role:
                        error.advise("For the trust policy of a role, specify --role instead of FILE.")
                        error.hint = Again(swap=(name, f"--role={name}"))
                    raise


SESSION_TAGS = switch(
    "Whether the association sends session tags. Default: as the association, if podid reads it.",
    default=None,
    off="--no-session-tags",
)


@options
class TrustEditOptions(TrustOptions):
    scope: str = option(
        "SCOPE",
        "Scope of the statement: service-account, namespace, cluster or account.",
        default="service-account",
        values=SCOPES,
    )
    session_tags: bool | None = SESSION_TAGS
    in_place: bool = switch("Write the new policy to FILE.")

    def check_together(self, read_file: Callable[[str], str]) -> None:
        TrustOptions.check_together(self, read_file)
        if self.in_place and self.role is not None:
            raise UsageError("--in-place and --role cannot be used together: podid changes the role itself")


@options
class TrustAddOptions(TrustEditOptions):
    scope: str = SCOPE
    conditions: tuple[OwnCondition, ...] = CONDITIONS


@options
class TrustCheckOptions(TrustOptions):
    session_tags: bool | None = SESSION_TAGS
    base_role: str | None = option(
        "ARN", "The association's role, if the policy is the trust policy of its target role."
    )
    external_id: str | None = option("ID", "External ID of the association. Requires --base-role.")
    role_tags: Mapping[str, str] | None = repeatable(
        "KEY=VALUE",
        "Tag of the role that FILE belongs to.",
        name="--role-tag",
        default=None,
        read=partial(tags, name="--role-tag"),
    )
    pods: tuple[str, ...] = repeatable("NAME", "Name of a running pod, for conditions on pod names.", name="--pod")
