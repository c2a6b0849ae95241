"""Options of the commands about files."""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

from podid.domain.errors import InvalidInput, UsageError
from podid.domain.names import ServiceAccountRef, check_namespace_name
from podid.domain.option import arguments, included, option, options, repeatable, seconds, switch
from podid.ops.options import PLAN_KEY_FILE, SERVICE_ACCOUNTS


@options
class FileOptions:
    files: tuple[str, ...] = repeatable(
        "FILE|DIR|-", "File of podid or of another program (podid convert), or a directory.", name="--file", short="-f"
    )
    variables: tuple[str, ...] = repeatable("NAME=VALUE", "Value of ${NAME} in the files.", name="--var")
    variable_files: tuple[str, ...] = repeatable(
        "FILE|-", "Values of variables, as an object in YAML or JSON.", name="--var-file"
    )

    def check(self) -> None:
        """Raise UsageError without a file."""
        if not self.files:
            raise UsageError("Specify the file: -f FILE, a directory, or - for stdin")


@options
class ValidateOptions(FileOptions):
    files: tuple[str, ...] = arguments("FILE|DIR|-...", "Files of podid or of another program, or directories.")


@options
class Ownership:
    """The treatment of resources that the file does not own yet, or no longer declares."""

    prune: bool = switch("Delete resources that this file owns and no longer declares.")
    adopt: bool = switch("Change and mark existing resources that no file owns.")
    update_trust: bool = switch("Change the trust policy of adopted roles, and of roles outside the file.")
    from_annotations: bool = switch("Also read annotations of service accounts, within allowedRoles of the files.")
    # of the shared options --take-over and --accept-unread
    take_over: bool = False
    accept_unread: bool = False

    def takes(self, tool: object) -> bool:
        """Return whether the file takes a resource without an owner, or with this `tool` as its owner."""
        return self.adopt if tool is None else self.take_over


@options
class FileDiffOptions:
    files: FileOptions = included(FileOptions)
    ownership: Ownership = included(Ownership)


@options
class FilePlanOptions(FileDiffOptions):
    save: str = option("FILE", "Write the plan to FILE too, for podid apply --plan.")
    plan_key_file: str = PLAN_KEY_FILE
    force: bool = switch("Replace FILE if it exists.", consent=True)


@options
class FileApplyOptions(FileDiffOptions):
    plan: str = option("FILE", "Apply a plan of podid plan --save, without confirmation.")
    plan_key_file: str = PLAN_KEY_FILE
    restart: bool = switch("Restart workloads whose pods started before the change.")
    force: bool = switch("Restart even if new pods would lose their credentials.", consent=True)


def _address(text: str) -> str:
    """Return the text. Raise InvalidInput if it is not [HOST]:PORT."""
    _, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise InvalidInput(f"--listen {text!r} is not [HOST]:PORT, such as :8080", subject=text)
    return text


@options
class ReconcileOptions(FileDiffOptions):
    HEADINGS: ClassVar = {"interval": "Rounds", "listen": "In a cluster", "manifests": "Manifests"}
    interval: float = option("TIME", "Time between rounds, such as 5m. [default: 5m]", default=300.0, read=seconds)
    applies: bool = switch("Make the changes, instead of reporting them.", name="--apply")
    once: bool = switch("Run one round and exit with its exit code.")
    listen: str = option("[HOST]:PORT", "Serve /metrics and /healthz on this address.", read=_address)
    lease: str = option(
        "NAMESPACE",
        "Namespace of the Lease that elects the active replica. [default: the pod's own]",
        read=check_namespace_name,
    )
    manifests: bool = switch("Print manifests of a CronJob and a Deployment that run podid, and exit.")
    image: str = option("IMAGE", "Image of podid, for --manifests.")
    write: str = option("DIR", "With --manifests, write the manifests and the IAM policy to DIR.")
    force: bool = switch("Replace existing files of --write.", consent=True)


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
