"""podid show."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.errors import Other, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.option import switch
from podid.ops.options import SERVICE_ACCOUNT

# optional: a terminal asks for it
TARGET: Any = replace(SERVICE_ACCOUNT, metavar="[NS/SA]", default=None)


@command(
    shared=(*CLUSTER, *KUBERNETES, "journal_dir"),
    needs="CHECKING Iam.list_attached_policies Iam.list_inline_policies Iam.get_managed_document",
    optional=(
        ("--cloudtrail", "CloudTrail.iter_sessions"),
        ("--unused", "Iam.start_usage_report Iam.find_usage_report"),
        "OWNERS",
    ),
)
def show(
    access: Access,
    ref: ServiceAccountRef | None = TARGET,
    cloudtrail: bool = switch("Also search CloudTrail's event history, with at most two calls per second."),
    unused: bool = switch("List the services that were not used for 90 days, according to IAM's report on the role."),
) -> None:
    """Show everything about one service account.

    The first lines show the state, its cause and the command that fixes it. The next lines show the association,
    whether the role's trust policy allows the pods, the role's permissions, the target role, and the workloads with the
    credentials that an SDK in each pod uses: access keys, IRSA, Pod Identity or the node's role. Without an
    association, podid shows the credentials that its pods use now.

    --cloudtrail adds the last time that a pod got the role, within the last 90 days. Calls appear there after a few
    minutes. --unused adds the allowed services that were not used. Exit 9 if something could not be read.

    Example: podid show shop/orders

    Example: podid show shop/orders --cloudtrail

    Example: podid show shop/orders -o json
    """
    from podid.cli.guide.run import guided
    from podid.ops.association.identity import read_identity
    from podid.ops.audit.unused import read_window
    from podid.ops.permissions.privileges import with_last_use
    from podid.ops.status.diagnose import wanted_for
    from podid.render.identity import identity_view

    if ref is None:
        if not access.runtime.interactive:
            raise UsageError("podid show requires NS/SA", hint=Other(("show", "--help")))
        raise guided(access, "show")
    place = access.place()
    with access.terminal.working(f"reading {ref}"):
        diagnosis = access.examine(place, wanted_for((ref,)))
        reading = read_identity(access.clients, place, diagnosis, ref, cloudtrail=cloudtrail)
        if unused and reading.privileges is not None:
            since = read_window(timedelta(days=90), access.runtime.now())
            used = with_last_use(reading.privileges, access.clients.iam, since, access.patience(30.0))
            reading = replace(reading, privileges=used)
    access.terminal.emit(identity_view(reading, diagnosis.snapshot.taken_at))
    access.terminal.leave(reading.exit_code)
