"""podid trace."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.errors import Other, UsageError
from podid.domain.option import argument
from podid.domain.plan import Place
from podid.ops.clients import Clients


@command(
    shared=(*CLUSTER, *KUBERNETES),
    needs="CloudTrail.iter_sessions Eks.find_association KubeReader.list_pods",
    optional=(("the node of a deleted pod", "CloudTrail.iter_redemptions"),),
)
def trace(
    access: Access,
    session: str = argument(
        "SESSION|FILE|-", "A session ARN or name, an error text, or a file with an event. '-' is stdin."
    ),
) -> None:
    """Find the pod of a role session.

    SESSION is the ARN of an assumed role, or the text of an access-denied error that contains it. FILE is a CloudTrail
    event, a list of events or a GuardDuty finding, as JSON or as text.

    CloudTrail keeps the pod's name and UID in the session tags, for 90 days. Events appear after up to 15 minutes, in
    the region of the cluster. Without events, podid compares the session name with the running pods. Several pods can
    then match, because the session name contains only the first 10 characters of a pod's name. podid lists the facts
    that are not known.

    Exit 5 if no event and no pod matches, 9 if the service account is not certain.

    Example: podid trace eks-demo-orders-7d4-4f0e4c1a-0000-4000-8000-000000000000

    Example: podid trace event.json

    Example: kubectl logs deploy/orders | podid trace -
    """
    from podid.ops.session.trace import Tracer, sightings
    from podid.render.sessions import traces_view

    name = "stdin" if session == "-" else "the text" if len(session.split()) > 1 else session
    sessions = sightings(_read(access, session), name)

    def reach(name: str) -> tuple[Clients, Place]:
        chosen = access.named is not None and access.named.name == name
        local = access if chosen else access.of(cluster=name)
        return local.clients, local.place()

    named = access.named.name if access.named is not None else ""
    tracer = Tracer(access.aws, reach, named, access.runtime.now())
    with access.terminal.working("searching for the session"):
        traces = [tracer.trace(sighting) for sighting in sessions]
    access.terminal.emit(traces_view(traces, access.runtime.now()))
    for item in traces:
        access.terminal.leave(item.exit_code)


def _read(access: Access, session: str) -> object:
    """Return the value of a JSON file, or the text of another file or of the argument."""
    from pathlib import Path

    from podid.domain.cloudtrail import sessions_in
    from podid.local import data

    if session != "-":
        if len(session.split()) > 1 or sessions_in(session):
            return session
        if not Path(session).exists():
            raise UsageError(
                f"No such file: {session}",
                advice="Specify a file, or the name or ARN of a pod's session. Session names have the form "
                "eks-CLUSTER-POD-UUID.",
                subject=session,
                # a service account, not a file such as events/a.json
                hint=Other(("activity",), (session,)) if session.count("/") == 1 and "." not in session else (),
            )
    text = access.terminal.read_file(session, most_mib=16)
    if text.lstrip()[:1] not in ("{", "["):
        return text
    return data.read(text, session)
