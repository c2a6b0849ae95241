"""podid whoami."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.names import ServiceAccountRef
from podid.domain.option import option


@command(
    shared=(*CLUSTER, *KUBERNETES, "yes"),
    optional=(
        ("--as", "Eks.find_association Eks.list_association_summaries Sts.caller_of"),
        "CREDENTIALS_OF_A_POD NAMING",
    ),
)
def whoami(
    access: Access,
    ref: ServiceAccountRef | None = option(
        "NS/SA",
        "Request credentials for this service account's pods, and show their identity. Asks for confirmation.",
        name="--as",
        read=ServiceAccountRef.parse,
    ),
) -> None:
    """Show caller, account, region, cluster and context.

    podid also shows the source of each value. If settings contradict each other, the exit code is 2, as with every
    command.

    --as redeems a token of a running pod at EKS Auth, and gets the identity of the credentials from STS. podid does not
    store the credentials.

    Example: podid whoami

    Example: podid whoami --profile dev

    Example: podid whoami -o json --query callerArn

    Example: podid whoami --as shop/orders
    """
    from podid.render.permissions import whoami_view

    if ref is not None:
        _show_issued(access, ref)
        return
    access.terminal.emit(whoami_view(access.who_and_where()))


def _show_issued(access: Access, ref: ServiceAccountRef) -> None:
    from podid.ops.session.issue import Issuer, credentials_consent, get_association, read_identity
    from podid.render.sessions import issued_view

    association = get_association(access.clients, access.place(), ref)
    access.kube.needed()
    access.terminal.consent(credentials_consent(association, "to show their identity"))
    with access.terminal.working("requesting credentials"):
        identity = read_identity(Issuer(access.clients, association, access.runtime.now))
    access.terminal.emit(issued_view(identity))
