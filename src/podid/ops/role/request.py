"""What is asked for of a role, as options of the commands that make roles and change what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from podid.domain.errors import InvalidInput
from podid.domain.names import ServiceAccountRef, check_role_name, parse_role_arn
from podid.domain.option import argument, included, one_of, option, options, seconds, several, switch, tags
from podid.ops.options import ADOPT, MANAGED_POLICIES, POLICY_FILES, PRESETS, ROLE, SCOPES, TARGET_PROFILE, UPDATE_TRUST


def role_arn(text: str) -> str:
    """A role's ARN, of any account. Raises InvalidInput."""
    parse_role_arn(text)
    return text


@options
class PermissionOptions:
    """Permissions as they are typed; `as_typed` is how `role attach` takes them."""

    presets: tuple[str, ...] = PRESETS
    policy_files: tuple[str, ...] = POLICY_FILES
    managed_policies: tuple[str, ...] = MANAGED_POLICIES

    @property
    def as_typed(self) -> tuple[str, ...]:
        named = {
            "--preset": self.presets,
            "--managed-policy": self.managed_policies,
            "--policy-file": self.policy_files,
        }
        return tuple(word for flag, values in named.items() for value in values for word in (flag, value))


def _path(text: str) -> str:
    if not (text.startswith("/") and text.endswith("/") and len(text) <= 512):
        raise InvalidInput(f"--path {text!r} must start and end with '/' and have at most 512 characters", subject=text)
    if text.startswith(("/aws-service-role/", "/aws-reserved/")):
        raise InvalidInput(f"--path {text!r} is reserved for AWS", subject=text)
    return text


def _description(text: str) -> str:
    if len(text) > 1000:
        raise InvalidInput(f"--description has {len(text)} characters; IAM takes 1,000")
    return text


def _session_seconds(text: str) -> int:
    """IAM's MaxSessionDuration, an hour to twelve."""
    duration = seconds(text)
    if not 3600 <= duration <= 43200:
        raise InvalidInput(f"--max-session-duration {text!r} is not between 1h and 12h", subject=text)
    return int(duration)


@options
class RoleOptions:
    """What a role has beside its trust and its permissions. None, and empty, leave a setting of one that exists as it
    is. `boundary` is a managed policy's name or ARN; the ARN once it is looked up."""

    path: str = option("PATH", "IAM path of the role. [default: /]", default="/", read=_path)
    description: str = option("TEXT", "Description of the role.", default="", read=_description)
    boundary: str = option(
        "NAME|ARN",
        "Managed policy that bounds the role; a bare name is AWS's own.",
        default="",
        also=("--permissions-boundary",),
    )
    max_session_seconds: int | None = option(
        "TIME",
        "Longest session that others may ask for, 1h to 12h; pods get theirs from EKS. [default: 1h]",
        name="--max-session-duration",
        read=_session_seconds,
    )


@options
class AttachOptions:
    role: str = ROLE
    presets: tuple[str, ...] = PRESETS
    managed_policies: tuple[str, ...] = MANAGED_POLICIES
    policy_files: tuple[str, ...] = POLICY_FILES
    replace: bool = switch("Overwrite an inline policy that is there with other contents.")
    adopt: bool = ADOPT


@options
class DetachOptions:
    role: str = ROLE
    managed_policies: tuple[str, ...] = several(
        "NAME|ARN", "Managed policy to detach, of those that the role has. Repeatable.", name="--managed-policy"
    )
    inline_policies: tuple[str, ...] = several(
        "NAME", "Inline policy to delete, by its name. Repeatable.", name="--inline-policy"
    )
    ignore_not_found: bool = switch("No failure where the role has no such policy.")
    presets: tuple[str, ...] = PRESETS
    adopt: bool = ADOPT


Form = Literal["json", "terraform", "cloudformation"]


@options
class RoleCreateOptions:
    HEADINGS: ClassVar = {
        "service_accounts": "Trust policy",
        "permissions": "Permissions",
        "target_role": "Target role and session tags",
        "settings": "Settings",
        "replace": "What exists already, and output",
    }

    service_accounts: tuple[ServiceAccountRef, ...] = several(
        "NS/SA",
        "Service account whose pods may assume the role. Repeatable.",
        name="--for",
        read=ServiceAccountRef.parse_all,
    )
    name: str = argument(
        "[NAME]",
        "Name of the role. [default: derived from cluster, namespace and service account]",
        default="",
        read=check_role_name,
    )
    scope: str = option(
        "SCOPE",
        "service-account, namespace, cluster or account: who may assume the role.",
        default="service-account",
        values=SCOPES,
    )
    permissions: PermissionOptions = included(PermissionOptions)
    target_role: str = option(
        "ARN",
        "Role that this role may assume, of any account.",
        default="",
        read=role_arn,
    )
    target_profile: str = TARGET_PROFILE
    session_tags: bool = switch(
        "Whether the association adds session tags. The trust policy needs them to name the service account.",
        default=True,
        off="--no-session-tags",
    )
    settings: RoleOptions = included(RoleOptions)
    tags: Mapping[str, str] = several("KEY=VALUE", "Tag of the role. Repeatable.", name="--tag", default={}, read=tags)
    replace: bool = switch("Change an existing role with other settings.")
    adopt: bool = ADOPT
    update_trust: bool = UPDATE_TRUST
    force: bool = switch("Create the role even if its target role does not allow it yet.", consent=True)
    print_: Form | Literal[""] = option(
        "FORM",
        "json, terraform or cloudformation: print the role in that form and change nothing.",
        default="",
        read=lambda text: one_of("--print", text, ("json", "terraform", "cloudformation")),
    )
