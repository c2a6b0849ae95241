"""podid trust check."""

from typing import Annotated

import typer

from podid.cli.command import Access, Terminal, command


@command()
def check(
    access: Access,
    terminal: Terminal,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|-...",
            help="Trust policies as JSON, or what aws iam get-role prints; '-' is stdin.",
            show_default=False,
        ),
    ],
    for_: Annotated[
        list[str],
        typer.Option("--for", metavar="NS/SA", help="Whose pods ask for the role. Repeatable.", show_default=False),
    ],
    cluster_arn: Annotated[
        str, typer.Option("--cluster-arn", metavar="ARN", help="The cluster that they run in.", show_default=False)
    ],
    session_tags: Annotated[
        bool,
        typer.Option("--session-tags/--no-session-tags", help="Whether the association sends session tags."),
    ] = True,
    base_role: Annotated[
        str | None,
        typer.Option(
            "--base-role",
            metavar="ARN",
            help="FILE is a target role's trust: this is the association's own role, which assumes it.",
            show_default=False,
        ),
    ] = None,
    external_id: Annotated[
        str | None,
        typer.Option(
            "--external-id", metavar="ID", help="The association's externalId, with --base-role.", show_default=False
        ),
    ] = None,
    role_tag: Annotated[
        list[str] | None,
        typer.Option(
            "--role-tag",
            metavar="KEY=VALUE",
            help="A tag of the role that FILE belongs to. Repeatable.",
            show_default=False,
        ),
    ] = None,
    pod: Annotated[
        list[str] | None,
        typer.Option(
            "--pod", metavar="NAME", help="A live pod, for conditions on pod names. Repeatable.", show_default=False
        ),
    ] = None,
) -> None:
    """Evaluate trust policies without AWS access.

    Says for sts:AssumeRole and sts:TagSession which statement decides, why, and what to change. Exit 0 when both match,
    3 when one does not or everybody in AWS can assume the role, 9 when that is not known, 2 when a file cannot be read.

    Example: podid trust check trust.json --for shop/orders --cluster-arn "$CLUSTER_ARN"
    """
    from podid.cli import typed
    from podid.domain.errors import UsageError
    from podid.domain.names import parse_cluster_arn
    from podid.ops.trust.check import Question, check_policies
    from podid.ops.trust.files import read_trust
    from podid.render.trust import check_view

    if external_id is not None and base_role is None:
        raise UsageError("--external-id belongs to the second hop: give --base-role with it")
    if files.count("-") > 1:
        raise UsageError("'-' can be given once: there is one stdin")
    parse_cluster_arn(cluster_arn)
    question = Question(
        refs=typed.service_accounts(for_),
        cluster_arn=cluster_arn,
        session_tags=session_tags,
        base_role=base_role,
        external_id=external_id,
        # without --role-tag nobody knows the role's tags, and conditions on them stay unknown
        role_tags=typed.tags(role_tag, option="--role-tag") if role_tag else None,
        pods=tuple(pod or ()),
        now=access.runtime.now(),
    )
    found = check_policies([read_trust(terminal.read_file(file), file) for file in files], question)
    terminal.emit(check_view(found))
    terminal.leave(found.exit_code)
