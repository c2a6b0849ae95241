"""Options of the commands that create roles and change their permissions, as groups."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from podid.domain.errors import InvalidInput
from podid.domain.names import ServiceAccountRef, check_role_name, parse_role_arn
from podid.domain.option import (
    argument,
    check_tag,
    included,
    one_of,
    option,
    options,
    repeatable,
    seconds,
    switch,
    tags,
)
from podid.ops.options import (
    ADOPT,
    CONDITIONS,
    MANAGED_POLICIES,
    POLICY_FILES,
    PRESETS,
    ROLE,
    SCOPE,
    TARGET_PROFILE,
    UPDATE_TRUST,
)

if TYPE_CHECKING:
    from podid.domain.trust import OwnCondition, ScopeKind
    from podid.ops.role.presets import PresetPermissions


# patterns of IAM's pathType and roleDescriptionType
_PATH = re.compile(r"/(?:[!-~]+/)?")
_NOT_DESCRIBED = re.compile(r"[^\t\n\r -~\xa1-\xff]")
# line breaks and other control characters are no separators (Z) of Unicode
_NOT_TAGGED = re.compile(r"[^\w\s.:/=+@-]|[\t-\r\x1c-\x1f\x85]")


def role_arn(text: str) -> str:
    """Return the ARN of a role in any account. Raise InvalidInput."""
    parse_role_arn(text)
    return text


@options
class PermissionOptions:
    """The permissions of a role: as presets, as files of policies, and as managed policies."""

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


def check_path(text: str, name: str = "the path") -> str:
    """Return the IAM path. Raise InvalidInput; `name` is the option."""
    if not _PATH.fullmatch(text) or len(text) > 512:
        message = f"{name} {text!r} must start and end with '/' and have at most 512 ASCII characters without spaces"
        raise InvalidInput(message, subject=text)
    if text.startswith(("/aws-service-role/", "/aws-reserved/")):
        raise InvalidInput(f"{name} {text!r} is reserved for AWS", subject=text)
    return text


def check_description(text: str, name: str = "the description") -> str:
    """Return the description of a role. Raise InvalidInput; `name` is the option."""
    if len(text) > 1000:
        raise InvalidInput(f"{name} has {len(text)} characters; IAM allows 1,000")
    if wrong := _NOT_DESCRIBED.search(text):
        raise InvalidInput(f"{name} has the character {wrong[0]!r}; IAM allows only Latin-1 characters")
    return text


def role_tags(texts: Iterable[str], name: str = "--tag") -> dict[str, str]:
    """Return the tags of a role. Raise InvalidInput; `name` is the option."""
    pairs = tags(texts, name)
    check_tag_text("".join((*pairs, *pairs.values())), name)
    if len({key.lower() for key in pairs}) < len(pairs):
        raise InvalidInput(f"{name} has a key twice; IAM does not distinguish tag keys by case")
    return pairs


def check_role_tag(key: str, value: str) -> None:
    """Raise InvalidInput for a tag that IAM does not accept."""
    check_tag(key, value)
    check_tag_text(key + value, "tag")


def tagged(tags: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Return a role's tags together with the new ones: IAM replaces a tag whose key differs only by case."""
    keys = {key.lower() for key in new}
    return {**{key: value for key, value in tags.items() if key in new or key.lower() not in keys}, **new}


def check_tag_text(text: str, name: str) -> None:
    """Raise InvalidInput for a character that IAM does not accept in tags; `name` is the option."""
    if wrong := _NOT_TAGGED.search(text):
        raise InvalidInput(f"{name} has the character {wrong[0]!r}; IAM allows letters, digits, spaces and _.:/=+-@")


def check_session_seconds(text: str, name: str) -> int:
    """Return IAM's MaxSessionDuration, 1 to 12 hours. Raise InvalidInput; `name` is the option."""
    duration = seconds(text)
    if not 3600 <= duration <= 43200:
        raise InvalidInput(f"{name} {text!r} is not between 1h and 12h", subject=text)
    return int(duration)


@options
class RoleOptions:
    """Settings of a role besides trust policy and permissions. None and empty leave a setting of an existing role
    unchanged. `boundary` is a managed policy's name or ARN, and its ARN once it was read."""

    path: str = option(
        "PATH", "IAM path of the role. [default: /]", default="/", read=partial(check_path, name="--path")
    )
    description: str = option("TEXT", "Description of the role.", read=partial(check_description, name="--description"))
    boundary: str = option(
        "NAME|ARN",
        "Managed policy as permissions boundary. A bare name is an AWS managed policy.",
        also=("--permissions-boundary",),
    )
    max_session_seconds: int | None = option(
        "TIME",
        "Maximum session duration, 1h to 12h. Does not apply to pods. [default: 1h]",
        name="--max-session-duration",
        read=partial(check_session_seconds, name="--max-session-duration"),
    )


@options
class AttachOptions:
    role: str = ROLE
    presets: tuple[str, ...] = PRESETS
    managed_policies: tuple[str, ...] = MANAGED_POLICIES
    policy_files: tuple[str, ...] = POLICY_FILES
    replace: bool = switch("Overwrite an existing inline policy that has other contents.")
    adopt: bool = ADOPT


@options
class DetachOptions:
    role: str = ROLE
    managed_policies: tuple[str, ...] = repeatable(
        "NAME|ARN", "Attached managed policy to detach.", name="--managed-policy"
    )
    inline_policies: tuple[str, ...] = repeatable("NAME", "Inline policy to delete, by name.", name="--inline-policy")
    ignore_not_found: bool = switch("Succeed if the role has no such policy.")
    presets: tuple[str, ...] = PRESETS
    adopt: bool = ADOPT


Form = Literal["json", "terraform", "cloudformation"]


@options
class RoleRequest:
    """Options of podid role create, and the role to create. Empty values leave a setting of an existing role unchanged.
    `policies` are inline policies by name, and `granted` the permissions of the presets; `chaining_policies` are the
    names of those policies that allow a target role."""

    HEADINGS: ClassVar = {
        "refs": "Trust policy",
        "permissions": "Permissions",
        "target_role": "Target role and session tags",
        "settings": "Settings",
        "replace": "Existing resources, and output",
    }

    refs: tuple[ServiceAccountRef, ...] = repeatable(
        "NS/SA", "Service account whose pods can assume the role.", name="--for", read=ServiceAccountRef.parse_all
    )
    name: str = argument(
        "[NAME]",
        "Name of the role. [default: derived from cluster, namespace and service account]",
        read=check_role_name,
    )
    scope: str = SCOPE
    conditions: tuple[OwnCondition, ...] = CONDITIONS
    permissions: PermissionOptions = included(PermissionOptions)
    target_role: str = option("ARN", "Role that this role can assume, in any account.", read=role_arn)
    target_profile: str = TARGET_PROFILE
    session_tags: bool = switch(
        "Whether the association adds session tags. The trust policy requires them.",
        default=True,
        off="--no-session-tags",
    )
    settings: RoleOptions = included(RoleOptions)
    tags: Mapping[str, str] = repeatable("KEY=VALUE", "Tag of the role.", name="--tag", read=role_tags)
    replace: bool = switch("Change the settings of an existing role.")
    adopt: bool = ADOPT
    update_trust: bool = UPDATE_TRUST
    force: bool = switch("Create the role even if the target role does not allow it.", consent=True)
    print_: Form | Literal[""] = option(
        "FORM",
        "Print the role as json, terraform or cloudformation, and change nothing.",
        default="",
        read=lambda text: one_of("--print", text, get_args(Form)),
    )
    policies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    granted: tuple[PresetPermissions, ...] = ()
    managed_policy_arns: tuple[str, ...] = ()
    chaining_policies: frozenset[str] = frozenset()

    @property
    def reach(self) -> ScopeKind:
        from podid.domain.trust import ScopeKind

        return ScopeKind(self.scope)

    def chaining(self, policies: Mapping[str, Mapping[str, object]]) -> RoleRequest:
        """Return it with policies that allow it to assume target roles."""
        return replace(self, policies={**self.policies, **policies}, chaining_policies=frozenset(policies))
