"""AWS clients: boto3's own chain of credentials, profiles, regions and endpoints.

Clients are built one at a time under a lock, when first used: three of them in threads take nearly three times as long.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, TypeVar

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError, ProfileNotFound, UnknownRegionError

from podid.aws.account import AccountManagement, CloudFormation, Organizations
from podid.aws.api import Api
from podid.aws.cloudtrail import CloudTrail
from podid.aws.decode import Credentials
from podid.aws.ec2 import Ec2
from podid.aws.eks import Eks
from podid.aws.errors import Origin, translate
from podid.aws.iam import AccessAnalyzer, Iam
from podid.aws.iam_listing import ListingIam
from podid.aws.requests import REPEATED, OnCall, Repeats, limit_answers, watch
from podid.aws.resource_policies import ResourcePolicies
from podid.aws.sign_in import check_ca_bundle, sign_in
from podid.aws.sts import EksAuth, Sts
from podid.calls.deadline import NEVER, Deadline
from podid.calls.pacing import PATIENCE_SECONDS, WORKERS, Pacer
from podid.calls.written import KnownChanges
from podid.domain.aws import AssumedRole
from podid.domain.errors import Again, UsageError
from podid.domain.names import REGION_NAME
from podid.domain.text import did_you_mean, nearest
from podid.version import VERSION

SESSION_NAME = "podid"
# services with one limit for all regions of an account
_GLOBAL = ("iam", "organizations", "account")
# the settings of a profile with IAM Identity Center
_SSO = {"sso_session", "sso_start_url"}


@dataclass(frozen=True, slots=True)
class Pool:
    """The parts that the sessions of one command share: the models of the services, of which each session otherwise
    decodes its own, and the pacer of each account, service and region."""

    loader: Any
    _pacers: dict[tuple[str, str, str], Pacer] = field(default_factory=dict)

    def pacer(self, owner: str, service: str, region: str, make: Callable[[], Pacer]) -> Pacer:
        """Return the pacer of a service; `owner` is the account, or the profile for its credentials."""
        key = (owner, service, "" if service in _GLOBAL else region)
        return self._pacers.get(key) or self._pacers.setdefault(key, make())


class RoleProvider:
    """botocore's source of credentials (its component `credential_provider`): those that `assume` returns, renewed
    before they expire."""

    def __init__(self, assume: Callable[[], Credentials]) -> None:
        self._assume = assume

    def load_credentials(self) -> Any:
        return RefreshableCredentials.create_from_metadata(
            metadata=self._metadata(), refresh_using=self._metadata, method="assume-role"
        )

    def _metadata(self) -> dict[str, str]:
        credentials = self._assume()
        return {
            "access_key": credentials.access_key_id,
            "secret_key": credentials.secret_access_key,
            "token": credentials.session_token,
            "expiry_time": (credentials.expires_at or datetime.now(UTC)).isoformat(),
        }


G = TypeVar("G")

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30
# for optional calls
OPTIONAL_PATIENCE_SECONDS = 2.0


class _Client(Generic[G]):
    """A client of a session as its attribute. With `optional` answers it has a short patience."""

    def __init__(self, kind: Callable[[Api], G], service: str, *, optional: bool = False) -> None:
        self._kind, self._service, self._optional = kind, service, optional

    def __get__(self, session: "AwsSession", owner: type) -> G:
        return self._kind(session._api(self._service, optional=self._optional))


class AwsSession:
    """A session with one profile and region. `profile` and `region` are the user's, or None. `env` is the process's
    environment, which boto3 also reads itself. `on_call` is called in the thread of each call, and `say` with the text
    of repeated failures. `written` is what this process wrote. A session with a `base` shares its pool
    and that; with a `role`, which the base assumes.

    Raise UsageError for an unknown profile, and for a region that is missing or does not exist.
    """

    def __init__(
        self,
        profile: str | None,
        region: str | None,
        *,
        env: Mapping[str, str],
        on_call: OnCall | None = None,
        say: Callable[[str], None] | None = None,
        patience: float = PATIENCE_SECONDS,
        deadline: Deadline = NEVER,
        base: "AwsSession | None" = None,
        role: AssumedRole | None = None,
        written: KnownChanges | None = None,
    ) -> None:
        self._env = env
        self.written: KnownChanges = base.written if base is not None else written or KnownChanges()
        self._say = say
        self._on_call = on_call
        # the account of the cluster, once it is read
        self.cluster_account = role.account if role is not None else ""
        self._base = base if role is None else None
        self._lock = threading.RLock()
        self._apis: dict[str, Api] = {}
        self._sts: Sts | None = None
        self._patience = patience
        self._deadline = deadline
        self._signed_in = False
        configured = profile or env.get("AWS_PROFILE") or env.get("AWS_DEFAULT_PROFILE") or ""
        # as in boto3, credentials in variables take precedence over a profile that a variable names
        variables = any(env.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"))
        explicit = profile or ("" if variables else configured)
        self.profile = explicit if env.get("AWS_ACCESS_KEY_ID") else configured
        self._core = botocore.session.get_session()
        if base is not None:
            self._core.register_component("data_loader", base.pool.loader)
        # the owner of the limits
        self._owner = role.account if role is not None else f"profile {self.profile}"
        if base is not None and role is not None:
            assume = partial(base.sts.assume_role, role.arn, SESSION_NAME, role.external_id)
            self._core.register_component("credential_provider", RoleProvider(assume))
        self._boto = _open(self._core, explicit, configured)
        self.pool: Pool = base.pool if base is not None else Pool(self._core.get_component("data_loader"))
        self.region, self.region_source = _choose_region(region, env, self._core, configured)
        # botocore's clients for other sources of credentials have no region of their own
        self._core.set_config_variable("region", self.region)
        ignored = self._core.get_config_variable("ignore_configured_endpoint_urls")
        endpoints = {name for name, value in env.items() if name.startswith("AWS_ENDPOINT_URL") and value}
        self._endpoints = set() if ignored else endpoints
        partitions = self._core.get_available_partitions()
        known = tuple(region for name in partitions for region in self._core.get_available_regions("eks", name))
        self.partition = _find_partition(self._core, self.region, known, bool(self._endpoints))
        note = "" if self.region in known or self._endpoints else did_you_mean(self.region, known, 1)
        sources = dict(_sources(self._core, self.profile))
        self._sources = tuple(sources.values())
        # `aws sso login` and `aws login` do not follow source_profile
        own = self.profile or "default"
        login = next((name for name, settings in sources.items() if (_SSO | {"login_session"}) & settings.keys()), own)
        sso = any(_SSO & settings.keys() for settings in self._sources)
        login = "" if login == own else login
        self.origin = Origin(self.profile, self.region, sso, note, partition=self.partition, login=login)

    eks = _Client(Eks, "eks")
    eks_auth = _Client(EksAuth, "eks-auth")
    iam = _Client(Iam, "iam")
    ec2 = _Client(Ec2, "ec2")
    account_management = _Client(AccountManagement, "account")
    organizations = _Client(Organizations, "organizations")
    cloudtrail = _Client(CloudTrail, "cloudtrail")
    cloudformation = _Client(CloudFormation, "cloudformation", optional=True)
    # its endpoint is unreachable in many networks
    access_analyzer = _Client(AccessAnalyzer, "accessanalyzer", optional=True)

    @property
    def credentials_source(self) -> str:
        """Return the source of the credentials in botocore's terms (`env`, `sso`, `assume-role`, `container-role`…),
        with the profile if one is used. Raise as any call does without credentials."""
        self._sign_in()
        credentials = self._core.get_credentials()
        method = str(credentials.method) if credentials is not None else "none"
        return f"{method}, profile {self.profile}" if self.profile else method

    def eks_in(self, region: str) -> Eks:
        """Return EKS of another region, with the same credentials."""
        return Eks(self._api("eks", region))

    @property
    def eks_regions(self) -> tuple[str, ...]:
        """Return every region of the partition in which botocore knows EKS, this one first. They may not be enabled for
        the account."""
        others = self._core.get_available_regions("eks", partition_name=self.partition)
        return (self.region, *sorted(set(others) - {self.region}))

    def listing_iam(self) -> Iam:
        """Return IAM for one reading of many roles. See `ListingIam`."""
        return ListingIam(self._api("iam"))

    @property
    def sts(self) -> Sts:
        with self._lock:
            if self._sts is None:
                self._sts = Sts(self._api("sts"), self._sts_as)
            return self._sts

    @property
    def resource_policies(self) -> ResourcePolicies:
        return ResourcePolicies(self._api)

    def _api(self, service: str, region: str = "", *, optional: bool = False) -> Api:
        region = region or self.region
        key = f"{service} {region}"
        with self._lock:
            if key not in self._apis:
                seconds = min(self._patience, OPTIONAL_PATIENCE_SECONDS) if optional else self._patience
                pacer = self.pool.pacer(
                    self._owner, service, region, lambda: Pacer(patience=seconds, deadline=self._deadline)
                )
                self._sign_in()
                client, repeats = self._build(service, region)
                endpoint = self._endpoint_variable(client.meta.service_model.service_id)
                origin = replace(self.origin, region=region, endpoint=endpoint)
                self._apis[key] = Api(
                    client,
                    pacer,
                    origin,
                    self._deadline,
                    repeats=repeats,
                    say=self._say,
                    account=lambda: self._sts.known_account if self._sts is not None else "",
                    owner=self._probable_account,
                    written=self.written,
                )
            return self._apis[key]

    def _probable_account(self) -> str:
        """Return the account of the cluster, or of the session with the same credentials; empty until it is known."""
        known = self._sts.known_account if self._sts is not None else ""
        return known or self.cluster_account or (self._base._probable_account() if self._base is not None else "")

    def _endpoint_variable(self, service_id: str) -> str:
        """Return the variable that sets the service's endpoint, in botocore's order; empty for AWS's own."""
        names = (f"AWS_ENDPOINT_URL_{service_id.upper().replace(' ', '_')}", "AWS_ENDPOINT_URL")
        return next((name for name in names if name in self._endpoints), "")

    def _sts_as(self, credentials: Credentials) -> Api:
        keys = {
            "aws_access_key_id": credentials.access_key_id,
            "aws_secret_access_key": credentials.secret_access_key,
            "aws_session_token": credentials.session_token,
        }
        with self._lock:
            client, _ = self._build("sts", self.region, **keys)
            return Api(client, self._api("sts").pacer, self.origin, self._deadline)

    def _sign_in(self) -> None:
        if not self._signed_in:
            sign_in(self._core, self._sources, self._env, self.origin, self._deadline)
            self._signed_in = True

    def _build(self, service: str, region: str, **keys: str) -> tuple[Any, dict[str, Repeats]]:
        config = Config(
            user_agent_extra=f"podid/{VERSION}",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            max_pool_connections=WORKERS,
            # podid.calls.pacing retries
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        try:
            client = self._boto.client(service, region_name=region, config=config, **keys)
        except BotoCoreError as error:
            raise translate(error, service=service, operation="", origin=self.origin) from error
        except ValueError as error:
            raise UsageError(f"the endpoint of {service} is not a URL ({error}): check AWS_ENDPOINT_URL") from error
        if client.meta.endpoint_url.startswith("https"):
            check_ca_bundle(self._core, self._env)
        http = limit_answers(client)
        if self._on_call is not None:
            watch(client, self._on_call)
        repeats = {
            operation: Repeats(client, operation, http, self._core.get_credentials, self._on_call)
            for operation in REPEATED.get(service, ())
        }
        return client, repeats


def _open(core: Any, profile: str, configured: str) -> Any:
    """Return boto3's session. `configured` is `profile`, or that of a variable, which botocore reads itself."""
    try:
        session = boto3.session.Session(botocore_session=core, profile_name=profile or None)
        core.get_scoped_config()
    except ProfileNotFound as error:
        raise _unknown_profile(configured) from error
    except BotoCoreError as error:
        raise translate(error, service="sts", operation="", origin=Origin(configured)) from error
    return session


def _unknown_profile(profile: str) -> UsageError:
    known = sorted(botocore.session.get_session().full_config.get("profiles", {}))
    listing = f"known profiles: {', '.join(known)}" if known else "no profile is configured on this machine"
    near = nearest(profile, known, 1)
    sentence = f"AWS profile {profile!r} does not exist{did_you_mean(profile, known, 1)}"
    hint = Again(swap=(profile, near[0])) if near else ()
    return UsageError(sentence, hint=hint, subject=profile, advice=f"{listing}.")


def _choose_region(region: str | None, env: Mapping[str, str], core: Any, profile: str) -> tuple[str, str]:
    """Return the region and its source. AWS_REGION comes first, as in the AWS CLI; boto3 does not read it."""
    if region:
        return region, "--region"
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if env.get(name):
            return env[name], name
    configured = core.get_scoped_config().get("region")
    if configured:
        return str(configured), f"profile {profile or 'default'}"
    raise UsageError(
        "no AWS region is specified: use --region, AWS_REGION or a profile with a region",
        hint=("aws", "configure", *(("--profile", profile) if profile else ())),
    )


def _find_partition(core: Any, region: str, known: tuple[str, ...], custom_endpoint: bool) -> str:
    unknown: Exception | None = None
    if REGION_NAME.fullmatch(region):
        try:
            return str(core.get_partition_for_region(region))
        except UnknownRegionError as error:
            unknown = error
        if custom_endpoint:
            return "aws"
    near = nearest(region, known, 1)
    hint = Again(swap=(region, near[0])) if near else ()
    sentence = f"{region!r} is not an AWS region{did_you_mean(region, known, 1)}"
    raise UsageError(sentence, hint=hint, subject=region) from unknown


def _sources(core: Any, profile: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the profile and its source profiles, by name, with their settings."""
    profiles = core.full_config.get("profiles", {})
    name = profile or "default"
    for _ in range(len(profiles)):
        settings = profiles.get(name, {})
        yield name, settings
        name = settings.get("source_profile", "")
