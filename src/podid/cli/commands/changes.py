"""podid history, undo."""

from typing import Annotated

import typer

from podid.cli import options
from podid.cli.command import command
from podid.cli.invocation import Invocation
from podid.cli.permissions import Permissions


@command("history", panel="Changes", shared=("journal_dir",))
def history(
    run: Invocation,
    run_id: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="One run, by its id or the start of it, or 'last'.", show_default=False),
    ] = None,
) -> None:
    """List what podid changed from here.

    Newest first; with RUN, that run's steps.

    Example: podid history
    """
    from podid.render.changes import history_view

    runs = run.journal.runs() if run_id is None else (run.journal.get(run_id),)
    run.emit(history_view(runs, detail=run_id is not None))


@command(
    "undo",
    panel="Changes",
    shared=(*options.AWS, *options.KUBERNETES, *options.CHANGE),
    permissions=Permissions(
        iam=(
            "eks:DescribeCluster",
            "eks:ListPodIdentityAssociations",
            "eks:DescribePodIdentityAssociation",
            "eks:CreatePodIdentityAssociation",
            "eks:UpdatePodIdentityAssociation",
            "eks:DeletePodIdentityAssociation",
            "eks:DescribeAddon",
            "eks:DeleteAddon",
            "iam:GetRole",
            "iam:PassRole",
            "iam:DeleteRole",
            "iam:ListRolePolicies",
            "iam:GetRolePolicy",
            "iam:PutRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:AttachRolePolicy",
            "iam:DetachRolePolicy",
            "iam:UpdateAssumeRolePolicy",
            "sts:GetCallerIdentity",
        )
    ),
)
def undo(
    run: Invocation,
    run_id: Annotated[
        str, typer.Argument(metavar="RUN", help="The run's id or the start of it, or 'last'.", show_default=False)
    ],
) -> None:
    """Take back what one run changed. Asks first, or needs --yes.

    Refuses when something has changed since, or when the run was made in another account, region or cluster.

    Example: podid undo last
    """
    from podid.cli.undo import run_undo

    run_undo(run, run_id)
