"""The options of an export."""

from typing import Literal, get_args

from podid.domain.names import ServiceAccountRef
from podid.domain.option import option, options, switch
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
    roles: bool = switch(
        "Export every role that podid created in the account. With NS/SA, -n or -A, also export the associations."
    )
