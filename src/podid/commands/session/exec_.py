"""podid exec."""

from podid.cli.command import Access, command
from podid.cli.options import KUBERNETES
from podid.domain.errors import NotFound, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.option import arguments
from podid.ops.options import SERVICE_ACCOUNT
from podid.render.formats import Format

# as in shells
CANNOT_START = 126
# without --timeout: the credentials are renewed as long as the command runs
_CLUSTER = ("cluster", "region", "profile", "expect_account", "show_permissions")


@command(
    shared=(*_CLUSTER, *KUBERNETES, "yes", "journal_dir"),
    needs="Eks.find_association Eks.list_association_summaries",
    optional=("CREDENTIALS_OF_A_POD NAMING",),
)
def exec_(
    access: Access,
    ref: ServiceAccountRef = SERVICE_ACCOUNT,
    words: tuple[str, ...] = arguments("CMD...", "The command and its arguments, after '--'.", verbatim=True),
) -> None:
    """Run a local command with a service account's identity. Asks for confirmation, or requires --yes.

    podid requests a token of a running pod and redeems it at EKS Auth, as the agent does. Only the command gets the
    credentials, from an endpoint on 127.0.0.1 with a random authorization token. podid renews them while the command
    runs, and writes nothing to disk. The command's environment has no other AWS credentials, profiles or roles.

    podid forwards signals to the command and exits with the command's exit code. podid history shows the program,
    without its arguments. The calls have the session tags of the pod.

    Example: podid exec shop/orders -- aws s3 ls

    Example: podid exec shop/orders --yes -- python app.py

    Example: podid exec shop/orders -- sh
    """
    import shutil

    from podid.local.processes import run
    from podid.local.servers import CredentialsEndpoint
    from podid.ops.session.issue import Issuer, child_env, credentials_consent, get_association, recorded

    runtime, program = access.runtime, words[0]
    refusal = UsageError("-o and --query cannot be used with podid exec: its output is that of the command")
    access.limit_output((Format.TABLE,), refusal)
    if access.shared.query is not None:
        raise refusal
    if shutil.which(program, path=runtime.env.get("PATH")) is None:
        raise NotFound(f"Program {program} does not exist, or is not on the PATH", subject=program)
    access.take_time()
    place = access.place(for_change=True)
    association = get_association(access.clients, place, ref)
    access.kube.needed()
    access.terminal.consent(credentials_consent(association, f"and run {program} with them"))
    issuer = Issuer(access.clients, association, runtime.now)
    with access.terminal.working("requesting credentials"):
        issuer.session()
    with (
        recorded(access.journal, place, association, words, runtime.argv, runtime.now) as record,
        CredentialsEndpoint(issuer.answer) as endpoint,
    ):
        try:
            code = run(words, child_env(runtime.env, place.region, endpoint.url, endpoint.token))
        except OSError as error:
            access.terminal.note(f"{program} cannot be started: {error.strerror}")
            code = CANNOT_START
        record(code)
    runtime.end_runs()
    access.terminal.leave(code)
