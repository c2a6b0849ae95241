"""podid doctor, explain."""

from typing import Annotated

import typer

from podid.cli import options
from podid.cli.command import command
from podid.cli.invocation import Invocation
from podid.cli.permissions import Permissions

# as podid.ops.doctor.permissions says of all checks, and ListClusters for choosing one; a test holds the two together
DOCTOR = Permissions(
    iam=(
        "eks:DescribeCluster",
        "eks:ListClusters",
        "eks:ListPodIdentityAssociations",
        "eks:DescribePodIdentityAssociation",
        "eks:DescribeAddon",
        "eks:ListNodegroups",
        "eks:DescribeNodegroup",
        "iam:GetRole",
        "iam:SimulatePrincipalPolicy",
    ),
    cluster_rules=(
        ("", "namespaces", ("list",)),
        ("", "nodes", ("list",)),
        ("", "pods", ("list",)),
        ("", "serviceaccounts", ("list",)),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", ("get",)),
        ("apps", "daemonsets", ("list",)),
        ("apps", "deployments", ("list",)),
        ("apps", "statefulsets", ("list",)),
        ("batch", "cronjobs", ("list",)),
        ("batch", "jobs", ("list",)),
    ),
)


@command(
    "doctor",
    panel="Look",
    shared=(*options.CLUSTER, *options.KUBERNETES, *options.NAMESPACES),
    permissions=DOCTOR,
)
def doctor(
    run: Invocation,
    target: Annotated[
        str | None,
        typer.Argument(metavar="[TARGET]", help="NS/SA, pod/NS/NAME or deploy/NS/NAME.", show_default=False),
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option("--check", metavar="ID", help="Only this check. Repeatable.", show_default=False),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="ID", help="Not this check. Repeatable.", show_default=False)
    ] = None,
    list_checks: Annotated[bool, typer.Option("--list", help="List the checks and exit.")] = False,
    all_verdicts: Annotated[bool, typer.Option("--all", help="Show what passed as well.")] = False,
    fail_on: Annotated[
        str, typer.Option("--fail-on", metavar="LEVEL", help="error, warn, info or never: what makes exit code 3.")
    ] = "error",
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Exit 0, not 9, when an error-level check could not be decided.")
    ] = False,
) -> None:
    """Find the first broken link.

    Walks the whole chain from association to permissions. What could not be looked at is unknown, never fine: exit 9.
    Findings make exit 3.

    Example: podid doctor shop/orders
    """
    from podid.cli.doctoring import run_doctor

    run_doctor(
        run,
        target,
        only=check or [],
        skip=skip or [],
        list_checks=list_checks,
        all_verdicts=all_verdicts,
        fail_on=fail_on,
        allow_unknown=allow_unknown,
    )


@command("explain", panel="Look")
def explain(
    run: Invocation,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID|TEXT", help="A failure mode's id, or an error text; '-' reads stdin.", show_default=False
        ),
    ] = None,
    list_pages: Annotated[bool, typer.Option("--list", help="List every failure mode and exit.")] = False,
) -> None:
    """Explain a failure by id or error text.

    Works offline. Paste the error as your application printed it.

    Example: podid explain "Unauthorized Exception! EKS does not have permissions to assume the associated role."
    """
    from podid.cli.doctoring import run_explain

    run_explain(run, what or [], list_pages=list_pages)
