"""podid list."""

from __future__ import annotations

from functools import partial
from math import inf

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES, SEVERAL
from podid.ops.association.request import ListOptions
from podid.render.formats import to_json

_PAUSE_SECONDS = 10.0


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, "journal_dir"),
    needs="Eks.iter_associations",
    optional=(
        "SEVERAL_CLUSTERS DETAILS_OF_LIST",
        ("--selector: the labels of service accounts", "KubeReader.list_service_accounts"),
        "EMPTY_NAMESPACE",
    ),
    several=SEVERAL,
)
def list_associations(access: Access, options: ListOptions) -> None:
    """List associations with their roles.

    EKS's list omits the roles, so podid reads each association. It reads pods, service accounts, roles and statuses
    only if a column or a filter requires them. For owners, it also reads custom resources of ACK and Crossplane.

    Pods are counted as in podid status: a pod is stale if only a restart is required. The column status does not
    depend on the permissions of roles.

    You can repeat --cluster, --region and --profile.

    Example: podid list

    Example: podid list --namespace shop --pods

    Example: podid list -o json --query 'items[].roleArn'

    Example: podid list --all-regions --assume-role podid-read --accounts 111122223333,444455556666 -o jsonl
    """
    from podid.commands.association.listing import emit_list

    if options.watch:
        _watch(access, options)
    else:
        access.terminal.leave(emit_list(access, options))


def _watch(access: Access, options: ListOptions) -> None:
    """Emit the list, and again whenever it differs, until --timeout; on a terminal it is redrawn each time."""
    from podid.commands.association.listing import emit_list

    access.take_time()
    terminal, patience, shown = access.terminal, access.patience(inf), ""
    for number, _ in enumerate(patience.rounds(_PAUSE_SECONDS)):
        if number and patience.over:
            return
        always = terminal.redraws
        views, _ = terminal.collected(partial(emit_list, access, options))
        for view in views:
            if (text := to_json(view.document)) != shown or always:
                terminal.emit_again(view, access.runtime.now())
                shown = text
