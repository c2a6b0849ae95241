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
