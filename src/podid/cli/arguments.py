"""Arguments and options that several commands take, each written once. What Typer fills in for them is parsed by
`podid.cli.typed`."""

from typing import Annotated

import typer

ServiceAccounts = Annotated[
    list[str], typer.Argument(metavar="NS/SA...", help="Service accounts, each as NAMESPACE/NAME.", show_default=False)
]
AnyServiceAccounts = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NS/SA...]", help="Service accounts, each as NAMESPACE/NAME.", show_default=False),
]
OneServiceAccount = Annotated[
    str, typer.Argument(metavar="NS/SA", help="The service account, as NAMESPACE/NAME.", show_default=False)
]
UpdateTrust = Annotated[
    bool, typer.Option("--update-trust", help="Add a statement to the role's trust policy if it needs one.")
]
RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="Role, by name or ARN.", show_default=False)]
PolicyFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--policy-file",
        metavar="FILE",
        help="Permissions as a JSON policy ('-' is stdin), kept inline under the file's name. Repeatable.",
        show_default=False,
    ),
]
ManagedPolicies = Annotated[
    list[str] | None,
    typer.Option(
        "--managed-policy",
        metavar="NAME|ARN",
        help="Managed policy to attach; a bare name is AWS's own. Repeatable.",
        show_default=False,
    ),
]
Adopt = Annotated[bool, typer.Option("--adopt", help="Change a role that exists and that podid did not make here.")]
