"""The requests that podid evaluates: actions, resources and values of condition keys; and the options for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from podid.domain.errors import InvalidInput, UsageError
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.option import argument, arguments, option, options, repeatable, switch
from podid.ops.options import ALLOW_UNKNOWN, OLDER_THAN, TARGET_PROFILE

_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_POD_KINDS = ("po", "pod", "pods")


@dataclass(frozen=True, slots=True)
class NamedIdentity:
    """A service account, or one of its pods: then `pod` is the pod's name, and the name of `ref` is empty."""

    ref: ServiceAccountRef
    pod: str = ""

    @classmethod
    def parse(cls, text: str) -> NamedIdentity:
        """Return the identity of NS/SA or pod/NS/NAME. Raise InvalidInput."""
        parts = text.split("/")
        if len(parts) == 3 and parts[0].lower() in _POD_KINDS:
            named = ServiceAccountRef.parse("/".join(parts[1:]))
            return cls(ServiceAccountRef(named.namespace, ""), named.name)
        return cls(ServiceAccountRef.parse(text))


def parse_action(text: str) -> str:
    """Return an action or a pattern of actions. Raise InvalidInput for other text."""
    if not _ACTION.fullmatch(text):
        message = f"{text!r} is not an action: specify SERVICE:Action, such as s3:GetObject or 's3:Get*'"
        raise InvalidInput(message, subject=text)
    return text


def parse_resources(texts: Sequence[str]) -> tuple[str, ...]:
    """Return each ARN once. Raise InvalidInput for other text."""
    for text in texts:
        if text != "*":
            Arn.parse(text)
    return tuple(dict.fromkeys(texts))


def parse_keys(texts: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the values of condition keys, in lower case. A key that is repeated has several values. Raise
    InvalidInput for text that is not KEY=VALUE."""
    keys: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or ":" not in key:
            message = f"--context-key {text!r} is not KEY=VALUE: specify, for example, aws:SourceIp=203.0.113.9"
            raise InvalidInput(message, subject=text)
        keys[key.lower()] = (*keys.get(key.lower(), ()), value)
    return keys


RESOURCES = repeatable("ARN", "Only this resource; can contain wildcards.", name="--resource", read=parse_resources)
CONTEXT_KEYS = repeatable(
    "KEY=VALUE",
    "Value of a condition key in the request, such as aws:SourceIp=203.0.113.9; --context also accepts it.",
    name="--context-key",
    read=parse_keys,
)
FILES = repeatable("FILE|-", "Only the policies in these JSON files, offline.", name="--policy-file")
ROLE_OPTION = option("ROLE", "This role instead of a service account's, by name or ARN.", name="--role", source="roles")
PROFILE: Any = replace(TARGET_PROFILE, help="AWS profile for a target role in another account.")


@options
class CanOptions:
    identity: str = argument("[NS/SA]", "The service account, or pod/NS/NAME.")
    patterns: tuple[str, ...] = arguments(
        "ACTION...", "The actions, such as s3:GetObject or a pattern such as 's3:Get*'.", default=()
    )
    resources: tuple[str, ...] = RESOURCES
    context_keys: Mapping[str, tuple[str, ...]] = CONTEXT_KEYS
    role: str | None = ROLE_OPTION
    policy_files: tuple[str, ...] = FILES
    target_profile: str = PROFILE

    @property
    def named(self) -> NamedIdentity | None:
        """Return the specified identity, None for a role or for files. Raise UsageError if there is not exactly one."""
        identity = self.identity if "/" in self.identity else ""
        check_one_source(identity, self.role, self.policy_files, self.target_profile)
        return NamedIdentity.parse(identity) if identity else None

    @property
    def actions(self) -> tuple[str, ...]:
        """Return the actions, each once; with a role or files, the first word is one too. Raise UsageError without any,
        InvalidInput for other text."""
        words = self.patterns if "/" in self.identity else (self.identity, *self.patterns)
        if not any(words):
            raise UsageError("Specify an action, such as s3:GetObject or 's3:Get*'")
        return tuple(dict.fromkeys(map(parse_action, words)))


def check_one_source(identity: str, role: str | None, files: Sequence[str], target_profile: str) -> None:
    """Raise UsageError unless one of a service account, a role and policy files is specified, and for a profile with
    files, which need no credentials."""
    sources = [name for name, value in (("NS/SA", identity), ("--role", role), ("--policy-file", files)) if value]
    if not sources:
        raise UsageError("Specify a service account as NAMESPACE/NAME, or --role ROLE, or --policy-file FILE")
    if len(sources) > 1:
        raise UsageError(f"{' and '.join(sources)} cannot be used together")
    if target_profile and files:
        raise UsageError("--policy-file and --target-profile cannot be used together")


@options
class WhoOptions:
    action: str = argument(
        "ACTION", "The action, a pattern of actions such as 's3:Put*', or '*' for administrators.", read=parse_action
    )
    resources: tuple[str, ...] = RESOURCES
    context_keys: Mapping[str, tuple[str, ...]] = CONTEXT_KEYS
    target_profile: str = PROFILE
    all_clusters: bool = switch("Read every cluster of the region, or of each --region.")
    allow_unknown: bool = ALLOW_UNKNOWN


@options
class PrivilegeOptions:
    identity: str = argument("[NS/SA]", "The service account, or pod/NS/NAME.")
    context_keys: Mapping[str, tuple[str, ...]] = CONTEXT_KEYS
    role: str | None = ROLE_OPTION
    policy_files: tuple[str, ...] = FILES
    target_profile: str = PROFILE
    older_than: str = OLDER_THAN

    @property
    def named(self) -> NamedIdentity | None:
        """Return the specified identity, None for a role or for files. Raise UsageError if there is not exactly one."""
        check_one_source(self.identity, self.role, self.policy_files, self.target_profile)
        return NamedIdentity.parse(self.identity) if self.identity else None
