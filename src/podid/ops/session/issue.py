"""The identity of a service account for podid's own use: credentials that EKS Auth issues for a token of one of its
pods. They are kept in memory only."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit

from podid.aws.decode import PodIdentitySession
from podid.domain.aws import Association
from podid.domain.cluster import Pod
from podid.domain.errors import Conflict, NotFound, Other, PodidError
from podid.domain.evidence import identified
from podid.domain.members import FLAT, About, ArnText, kind
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.plan import Consent, Done, Place, Status
from podid.domain.text import utc
from podid.domain.workloads import live, opted_out
from podid.ops.association.read import association_not_found
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import COMMAND
from podid.ops.clients import Clients
from podid.ops.reading.trials import sample

# SDKs request new credentials in the last 15 minutes
RENEWED = timedelta(minutes=20)
_NO_PROXY = ("NO_PROXY", "no_proxy")
_PROXIES = tuple(f"{scheme}_proxy" for scheme in ("http", "https", "all"))
_KEPT = (
    *("AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_CA_BUNDLE", "AWS_USE_"),
    *("AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "AWS_PAGER", "AWS_CLI_"),
)


def get_association(clients: Clients, place: Place, ref: ServiceAccountRef) -> Association:
    """Return the association. Raise NotFound with the nearest names."""
    association = clients.eks.find_association(place.cluster_name, ref)
    if association is None:
        known = (item.ref for item in clients.eks.list_association_summaries(place.cluster_name))
        raise association_not_found(clients, place, ref, known)
    return association


def credentials_consent(association: Association, purpose: str) -> Consent:
    """Return the question before podid requests credentials of the role of the association."""
    role = Arn.parse(association.pods_role_arn).resource_name
    return Consent(
        question=f"Request credentials of role {role} as {association.ref} {purpose}?",
        needed_for="Requesting credentials",
    )


@dataclass(slots=True)
class Issuer:
    """Issues the credentials of an association, and renews them before they expire. Any thread may call it."""

    clients: Clients
    association: Association
    now: Callable[[], datetime]
    pod: str = ""
    _session: PodIdentitySession | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def session(self) -> PodIdentitySession:
        """Return credentials that are valid for a while. If they cannot be renewed, return the present ones until they
        expire; then raise as the requests do: AccessDenied, Rejected, NotFound."""
        with self._lock:
            expires = self._session.credentials.expires_at if self._session is not None else None
            remaining = expires - self.now() if expires is not None else timedelta(0)
            if self._session is None or remaining < RENEWED:
                try:
                    self._session = self._issue()
                except PodidError:
                    if self._session is None or remaining <= timedelta(0):
                        raise
            return self._session

    def _issue(self) -> PodIdentitySession:
        association, ref = self.association, self.association.ref
        pod = self._choose()
        token = self.clients.kube.writer.request_token(ref, pod)
        session = self.clients.aws.eks_auth.assume_role_for_pod_identity(association.cluster_name, token)
        if (session.ref, session.association_id) != (ref, association.association_id):
            raise Conflict(f"EKS Auth returned credentials of {session.ref}, not of {ref}", subject=str(ref))
        self.pod = pod.name
        return session

    def _choose(self) -> Pod:
        """Return a running pod: EKS Auth requires a token that is bound to one."""
        ref = self.association.ref
        pods = self.clients.kube.reader.list_pods(ref.namespace, service_account=ref.name)
        usable = sample(pod for pod in pods if live(pod) and not opted_out(pod))
        if not usable:
            message = f"{ref} has no running pod, and EKS Auth requires a token of one"
            raise NotFound(message, hint=Other(("show",), (str(ref),)), subject=str(ref))
        return usable[0]

    def answer(self) -> Mapping[str, str]:
        """Return the credentials as the agent does: https://github.com/aws/eks-pod-identity-agent (pkg/credentials)."""
        credentials = self.session().credentials
        return {
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "Token": credentials.session_token,
            "AccountId": Arn.parse(self.association.pods_role_arn).account,
            "Expiration": utc(credentials.expires_at),
        }


def child_env(env: Mapping[str, str], region: str, url: str, token: str) -> dict[str, str]:
    """Return the environment of a program that gets its credentials from the endpoint and from nowhere else: without
    the AWS settings of the user, and with empty files for profiles, which SDKs read before they ask an endpoint. A
    proxy must not get the request to the endpoint."""
    kept = {name: value for name, value in env.items() if not name.startswith("AWS_") or name.startswith(_KEPT)}
    if any(name.lower() in _PROXIES for name in kept):
        hosts = dict.fromkeys([*(kept.get(name, "") for name in _NO_PROXY), urlsplit(url).hostname])
        # Python's and curl's clients read * only if it is alone
        kept |= dict.fromkeys(_NO_PROXY, "*" if "*" in hosts else ",".join(filter(None, hosts)))
    files = ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "BOTO_CONFIG")
    return {
        **kept,
        **dict.fromkeys(files, os.devnull),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
    }


@kind("IssuedIdentity", "`podid whoami --as`.")
@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedIdentity:
    """The identity of credentials that EKS Auth issued for a token of `pod`."""

    cluster: str
    ref: Annotated[ServiceAccountRef, FLAT]
    association_id: str
    role_arn: Annotated[str, About("The role of the credentials.")]
    caller_arn: ArnText
    account: str
    session_name: str
    pod: str
    expires_at: datetime | None


def read_identity(issuer: Issuer) -> IssuedIdentity:
    """Return the identity of new credentials, from sts:GetCallerIdentity. Raise Conflict for another role than the
    association's."""
    association, session = issuer.association, issuer.session()
    caller = issuer.clients.aws.sts.caller_of(session.credentials)
    redeemed, expected = identified(association, caller.arn, session.credentials.expires_at)
    if not expected:
        message = f"EKS Auth returned credentials of {caller.arn}, not of {association.pods_role_arn}"
        raise Conflict(message, subject=str(association.ref))
    return IssuedIdentity(
        cluster=association.cluster_name,
        ref=association.ref,
        association_id=association.association_id,
        role_arn=redeemed.role_arn,
        caller_arn=caller.arn,
        account=redeemed.account,
        session_name=redeemed.session_name,
        pod=issuer.pod,
        expires_at=redeemed.expires_at,
    )


@contextmanager
def recorded(
    journal: Journal,
    place: Place,
    association: Association,
    words: Sequence[str],
    argv: Sequence[str],
    now: Callable[[], datetime],
) -> Iterator[Callable[[int], None]]:
    """Record the intent of a command with the identity, then the exit code that the function gets. `argv` is podid's
    command line, at whose end the command's `words` are; only the first of them is recorded."""
    program = words[0]
    action = COMMAND.action(None, COMMAND.state_of(association.ref, program, association.pods_role_arn))
    without_arguments = (*argv[: len(argv) - len(words)], program)
    with journal.begin(without_arguments, place.header, now(), [action]) as recorder:
        recorder.intent(0, action)

        def record(code: int) -> None:
            recorder.outcome(0, Done(action, Status.DONE, None, f"exit code {code}"), now())

        yield record
