"""The options of an export."""

from __future__ import annotations

from typing import Literal, get_args

from podid.domain.names import ServiceAccountRef
from podid.domain.option import option, options, several, switch
from podid.ops.options import SERVICE_ACCOUNTS

Form = Literal[
    "podid",
    "terraform",
    "terraform-module",
    "cloudformation",
    "eksctl",
    "ack",
    "crossplane",
    "pulumi",
    "aws-cli",
]
FORMS: tuple[Form, ...] = get_args(Form)
OWN_FORM = "podid"


@options
class ExportOptions:
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    as_: Form = option("FORM", f"Form of the export: {', '.join(FORMS)}.", name="--as", default=OWN_FORM, values=FORMS)
    roles: bool = switch("Every role that podid created in the account. With NS/SA, -n or -A also the associations.")


@options
class ConvertOptions:
    files: tuple[str, ...] = several(
        "FILE|DIR|-", "File of podid or of another program, or a directory. Repeatable.", name="--file", short="-f"
    )
    variables: tuple[str, ...] = several("NAME=VALUE", "Value of ${NAME} in podid's files. Repeatable.", name="--var")
    variable_files: tuple[str, ...] = several(
        "FILE|-", "Values of variables, as an object in YAML or JSON. Repeatable.", name="--var-file"
    )
