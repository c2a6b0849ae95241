"""Options of the commands about associations, as groups."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from podid.domain.errors import InvalidInput, UsageError
from podid.domain.names import ServiceAccountRef, check_account, check_namespace_name, check_role
from podid.domain.option import REQUIRED, argument, included, option, options, repeatable, switch, tags
from podid.ops.clusters import ClusterOptions
from podid.ops.options import (
    ADOPT,
    CLUSTER_TAGS,
    COLUMNS,
    CONDITIONS,
    CREATE_SERVICE_ACCOUNT,
    FORCE,
    REMOVE_FROM_TARGETS,
    SCOPE,
    SERVICE_ACCOUNTS,
    TARGET_PROFILE,
    UPDATE_TRUST,
)
from podid.ops.role.request import PermissionOptions, RoleOptions, role_arn, role_tags

if TYPE_CHECKING:
    from podid.domain.trust import OwnCondition, ScopeKind
    from podid.ops.role.resolve import ResolvedRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of an association besides its role. None leaves a setting of an existing association unchanged, ""
    removes it. `untag` are keys of tags to remove."""

    target_role_arn: str | None = None
    disable_session_tags: bool | None = None
    policy: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    untag: tuple[str, ...] = ()

    def over(self, others: Settings) -> Settings:
        """Return these settings, with the others where these have none."""
        names = ("target_role_arn", "disable_session_tags", "policy")
        mine = {name: value for name in names if (value := getattr(self, name)) is not None}
        return replace(others, **mine, tags={**others.tags, **self.tags}, untag=(*others.untag, *self.untag))


@options
class SettingOptions:
    target_role: str | None = option(
        "ARN",
        "Role that the role assumes, in any account.",
        read=role_arn,
    )
    target_profile: str = TARGET_PROFILE
    no_target_role: bool = switch("Remove the target role.")
    session_tags: bool | None = switch(
        "Whether EKS adds session tags. [default: on]", default=None, off="--no-session-tags"
    )
    session_policy: str | None = option("FILE|-", "Session policy as JSON; requires --no-session-tags.")
    no_session_policy: bool = switch("Remove the session policy.")
    tag: Mapping[str, str] = repeatable("KEY=VALUE", "Tag of the association.", read=tags)
    untag: tuple[str, ...] = repeatable("KEY", "Tag to remove.")

    def settings(self, read_file: Callable[[str], str]) -> Settings:
        """Raise UsageError for options that cannot be used together, InvalidInput for a file without a policy."""
        from podid.ops.role.policies import read_policy, session_policy_text

        file, policy = self.session_policy, None
        if file is not None:
            policy = session_policy_text(read_policy(read_file, file), file)
        policy = _removable("session-policy", policy, removed=self.no_session_policy)
        if policy and self.session_tags:
            raise UsageError(
                "--session-policy requires --no-session-tags: EKS accepts no session policy with session tags"
            )
        untagged = None if self.session_tags is None else not self.session_tags
        target = _removable("target-role", self.target_role, removed=self.no_target_role)
        for key in self.untag:
            if not key or len(key) > 128 or "=" in key or key.lower().startswith("aws:"):
                raise InvalidInput(f"--untag {key!r} is not a tag key: at most 128 characters, no =, no aws: prefix")
            if key in self.tag:
                raise InvalidInput(f"--tag and --untag cannot be used together for key {key}", subject=key)
        if self.target_profile and not self.target_role:
            raise UsageError("--target-profile requires --target-role")
        return Settings(
            target_role_arn=target,
            disable_session_tags=True if policy and untagged is None else untagged,
            policy=policy,
            tags=self.tag,
            untag=tuple(dict.fromkeys(self.untag)),
        )


def _removable(name: str, value: str | None, *, removed: bool) -> str | None:
    """Return the value of --NAME, or "" for --no-NAME. Raise UsageError for both."""
    if removed and value:
        raise UsageError(f"--{name} and --no-{name} cannot be used together")
    return "" if removed else value


@options
class AssociationChange:
    """Permitted changes of existing resources."""

    scope: str = SCOPE
    conditions: tuple[OwnCondition, ...] = ()
    replace: bool = switch("Change the settings of an existing association.")
    update_trust: bool = UPDATE_TRUST

    @property
    def reach(self) -> ScopeKind:
        from podid.domain.trust import ScopeKind

        return ScopeKind(self.scope)


@options
class AccountOptions:
    """The treatment of service accounts that do not exist."""

    create_service_account: bool = CREATE_SERVICE_ACCOUNT
    strict: bool = switch("Fail unless every service account exists.")


@dataclass(frozen=True, slots=True)
class DesiredAssociation:
    """One association after the change. `kept` is whether no role was specified, so that it keeps its own."""

    ref: ServiceAccountRef
    role: ResolvedRole
    settings: Settings = field(default_factory=Settings)
    kept: bool = False


@options
class MoveOptions:
    source: ServiceAccountRef = argument(
        "NS/SA", "Service account that has the association.", read=ServiceAccountRef.parse
    )
    target: ServiceAccountRef | None = argument(
        "[NEW-NS/SA]", "Service account that gets the association.", read=ServiceAccountRef.parse
    )
    to_cluster: str = option("NAME", "Move to this cluster, by default to the same service account.")
    change: AssociationChange = included(AssociationChange)
    create_service_account: bool = CREATE_SERVICE_ACCOUNT
    remove_trust: bool = switch("Also remove the old service account from the role's trust policy.")
    restart: bool = switch(
        "Restart workloads of both service accounts whose pods do not have the change yet; with --to-cluster, of the "
        "new one."
    )
    force: bool = FORCE


def _pairs(texts: Sequence[str], name: str, check: Callable[[str], str]) -> dict[str, str]:
    """Return OLD=NEW pairs, each part as `check` returns it. Raise InvalidInput; `name` is the option."""
    pairs: dict[str, str] = {}
    for text in texts:
        old, equals, new = text.partition("=")
        if not equals:
            raise InvalidInput(f"{name} {text!r} is not OLD=NEW", subject=text)
        if pairs.setdefault(check(old), check(new)) != new:
            raise InvalidInput(f"{name} names {old} twice", subject=old)
    return pairs


def _map(name: str, help: str, check: Callable[[str], str]) -> Any:
    """Return a repeatable option of OLD=NEW pairs."""
    return repeatable("OLD=NEW", help, name=name, read=partial(_pairs, name=name, check=check))


@options
class CopyOptions:
    from_cluster: str = option("NAME", "Cluster to copy from.", default=REQUIRED)
    to_cluster: str = option("NAME", "Cluster to copy to. An ARN also selects the region.", default=REQUIRED)
    to_profile: str = option("PROFILE", "AWS profile for the cluster to copy to.", source="profiles")
    roles: Mapping[str, str] = _map("--map-role", "Use NEW in place of role or target role OLD.", check_role)
    namespaces: Mapping[str, str] = _map("--map-namespace", "Use namespace NEW in place of OLD.", check_namespace_name)
    role_accounts: Mapping[str, str] = _map(
        "--map-account", "Use roles of account NEW in place of those of OLD.", check_account
    )
    change: AssociationChange = included(AssociationChange)
    accounts: AccountOptions = included(AccountOptions)


@options
class DisassociateOptions:
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    restart: bool = switch("Restart the workloads so that their pods start without the role.")
    delete_role: bool = switch("Also delete the role if podid created it here and nothing else uses it.")
    delete_service_account: bool = switch(
        "Also delete the service account if podid created it here and no pod uses it."
    )
    update_trust: bool = REMOVE_FROM_TARGETS
    target_profile: str = TARGET_PROFILE
    ignore_not_found: bool = switch("Succeed if there is no association.")

    def check_together(self) -> None:
        """Raise UsageError for an option about the role's deletion without --delete-role."""
        for name, value in (("--update-trust", self.update_trust), ("--target-profile", self.target_profile)):
            if value and not self.delete_role:
                raise UsageError(f"{name} requires --delete-role")


def _form(text: str) -> str:
    if text != "terraform":
        raise InvalidInput(f"--print {text!r} is not terraform", subject=text)
    return text


@options
class AssociateOptions:
    HEADINGS: ClassVar = {
        "service_accounts": "Service accounts",
        "role": "Role",
        "settings": "Settings of the association",
        "change": "Existing resources, and output",
    }
    BRIEF: ClassVar = dict.fromkeys(("new_role", "role_tag", "conditions"), "podid role create --help")

    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    from_file: str = option("FILE|-", "JSON, YAML or CSV, as podid list prints it.", short="-f")
    pattern: str = option("PATTERN", "Service accounts by name, with -n PATTERN or -A.", name="--service-account")
    selector: str = option("LABELS", "Service accounts by label, with -n PATTERN or -A.", short="-l")
    accounts: AccountOptions = included(AccountOptions)
    cluster_tags: Mapping[str, str] = CLUSTER_TAGS
    role: str = option("ROLE", "Role, by name or ARN.")
    create_role: bool = switch("Create the role as well. --role sets its name.")
    permissions: PermissionOptions = included(PermissionOptions)
    new_role: RoleOptions = included(RoleOptions)
    role_tag: Mapping[str, str] = repeatable(
        "KEY=VALUE", "Tag of the role.", read=partial(role_tags, name="--role-tag")
    )
    conditions: tuple[OwnCondition, ...] = CONDITIONS
    settings: SettingOptions = included(SettingOptions)
    change: AssociationChange = included(AssociationChange)
    adopt: bool = ADOPT
    restart: bool = switch("Restart workloads whose pods started before the change.")
    force: bool = FORCE
    print_: str = option("FORM", "terraform: print the configuration and change nothing.", read=_form)


@options
class ListOptions:
    HEADINGS: ClassVar = {"service_accounts": "Filters", "pods": "Output", "clusters": "Clusters"}

    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    role: str = option("ROLE", "Only associations with this role, by name or ARN.", read=check_role)
    stale: bool = switch("Only associations with stale pods.")
    dangling: bool = switch("Only associations without their service account or role.")
    service_account: str = option("PATTERN", "Only service accounts whose names match (*, ?).")
    selector: str = option("LABELS", "Only service accounts with these labels.", short="-l")
    owner: str = option(
        "NAME", "Only associations of this owner: an add-on, a stack, a tool such as terraform, or none."
    )
    tag: tuple[str, ...] = repeatable("KEY[=VALUE]", "Only associations with this tag.")
    older_than: str = option("TIME", "Only associations unchanged for at least this time.")
    newer_than: str = option("TIME", "Only associations changed within this time.")
    pods: bool = switch("Count the running and the stale pods of each association.")
    columns: str = COLUMNS
    sort_by: str = option("COLUMN", "Column to sort by, except not-read; -COLUMN reverses.", source="list-orders")
    watch: bool = switch("Keep reading and show each change.")
    clusters: ClusterOptions = included(ClusterOptions)

    @property
    def more(self) -> tuple[str, ...]:
        """Return the columns that the filters add."""
        pods = ("pods", "injected", "stale") if self.pods or self.stale else ()
        return (*pods, *(("exists", "role-exists") if self.dangling else ()))

    @property
    def read_for(self) -> tuple[str, ...]:
        """Return the columns whose details must be read."""
        return (*self.more, self.sort_by.removeprefix("-"), *(("owner",) if self.owner else ()))

    @property
    def filters(self) -> str:
        """Return the filters as they were typed."""
        typed = {
            "--role": (self.role,),
            "--service-account": (self.service_account,),
            "--selector": (self.selector,),
            "--owner": (self.owner,),
            "--tag": self.tag,
            "--older-than": (self.older_than,),
            "--newer-than": (self.newer_than,),
        }
        words = [f"{name} {shlex.quote(text)}" for name, texts in typed.items() for text in texts if text]
        switches = {"--stale": self.stale, "--dangling": self.dangling}
        return " ".join(
            (*map(str, self.service_accounts), *words, *(name for name, is_set in switches.items() if is_set))
        )
