"""podid list."""

from __future__ import annotations

from typing import Annotated

import typer

from podid.cli.arguments import ClusterTags
from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.kube.reader import KubeReader

    return CommandRights.of(
        Eks.iter_readable,
        optional=(
            rights.CLUSTER_TAGS,
            OptionalRight.of("--pods, --stale: the running pods", KubeReader.list_pods),
            OptionalRight.of(
                "--dangling, columns exists and health: the service accounts", KubeReader.list_service_accounts
            ),
            OptionalRight.of("--dangling, column health: the roles", Iam.find_role),
            OptionalRight.of("-n: whether an empty namespace exists", KubeReader.list_namespaces),
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES), rights=rights, several=("cluster", "region", "profile"))
def list_associations(
    access: Access,
    terminal: Terminal,
    options: Shared,
    role: Annotated[
        str | None, typer.Option("--role", metavar="ROLE", help="Only associations of this role, name or ARN.")
    ] = None,
    pods: Annotated[
        bool, typer.Option("--pods", help="Count the running pods of each, and those that are stale.")
    ] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Only those with stale pods.")] = False,
    dangling: Annotated[
        bool, typer.Option("--dangling", help="Only those whose service account or role does not exist.")
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="NAMES",
            help="Only these, separated by commas: namespace, service-account, role, target-role, owner, created, "
            "modified, association-id, session-tags, session-policy, not-read, pods, injected, stale, exists, health "
            "(of service account, role and trust, and of pods beside their columns).",
        ),
    ] = None,
    service_account: Annotated[
        str | None,
        typer.Option("--service-account", metavar="PATTERN", help="Only service accounts whose names match (*, ?)."),
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="ADDON", help="Only those that this add-on owns, or none.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY[=VALUE]", help="Only those with this tag. Repeatable.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="TIME", help="Only those last changed at least this long ago.")
    ] = None,
    newer_than: Annotated[
        str | None, typer.Option("--newer-than", metavar="TIME", help="Only those changed within this time.")
    ] = None,
    sort_by: Annotated[
        str | None,
        typer.Option("--sort-by", metavar="COLUMN", help="A column, but for not-read; with - before it: descending."),
    ] = None,
    all_clusters: Annotated[
        bool, typer.Option("--all-clusters", help="Of every cluster of the region, or of each --region.")
    ] = False,
    cluster_tag: ClusterTags = None,
) -> None:
    """List associations with their roles.

    The API's own list leaves the roles out. A pod is stale that lacks the injected fields, or that is older than a
    change of its association whose credentials from before can still be in use. Pods, service accounts and roles are
    looked at only where a column or a filter needs them. --cluster, --region and --profile may be given more than once.

    Example: podid list -o json --query 'items[].roleArn'
    """
    from podid.cli import typed
    from podid.cli.listing import ListAsked, list_in
    from podid.ops.association.expand import is_pattern
    from podid.ops.association.listing import ListFilter, tag_filter
    from podid.ops.association.read import RoleFilter

    asked = ListAsked(
        wanted=ListFilter(
            role=RoleFilter.parse(role),
            namespace=options.namespace or "*",
            service_account=service_account or "*",
            owner=owner or "",
            tags=tag_filter(tag or ()),
            older=typed.age(older_than),
            newer=typed.age(newer_than),
        ),
        exact=options.namespace if options.namespace and not is_pattern(options.namespace) else None,
        stale=stale,
        dangling=dangling,
        sort_by=sort_by,
        columns=_columns(columns),
        more=(*(("pods", "injected", "stale") if pods or stale else ()), *(("exists", "health") if dangling else ())),
        filters={
            "--role": role,
            "--service-account": service_account,
            "--owner": owner,
            "--tag": tag,
            "--older-than": older_than,
            "--newer-than": newer_than,
            "--stale": stale,
            "--dangling": dangling,
        },
        all_clusters=all_clusters,
        tags=typed.tags(cluster_tag, option="--cluster-tag"),
        now=access.runtime.now(),
    )
    list_in(access, terminal, asked)


def _columns(text: str | None) -> tuple[str, ...]:
    """Raises UsageError for what is no column, with the nearest one."""
    from podid.domain.errors import Again, UsageError
    from podid.domain.words import nearest
    from podid.render.associations import ALL_COLUMNS

    names = tuple(name.strip() for name in text.split(",")) if text is not None else ()
    for name in names:
        if name not in ALL_COLUMNS:
            near = nearest(name, ALL_COLUMNS, 1)
            hint = Again(swap=(name, near[0])) if near and name == text else None
            what = f"--columns {name!r} is not one of {', '.join(ALL_COLUMNS)}"
            raise UsageError(what, hint=hint or ())
    return names
