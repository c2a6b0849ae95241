"""Where AWS clients come from: boto3's own chain of credentials, profiles, regions and endpoints.

Clients are built one after another under a lock, when first asked for: three of them in threads take nearly three times
as long.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound, UnknownRegionError

from podid.aws.api import UNPARSABLE, Api
from podid.aws.cloudtrail import CloudTrail
from podid.aws.decode import Credentials
from podid.aws.ec2 import Ec2
from podid.aws.eks import Eks
from podid.aws.errors import Origin, translate
from podid.aws.iam import AccessAnalyzer, Iam
from podid.aws.requests import REPEATED, OnCall, Repeats, limit_answers, watch
from podid.aws.sts import EksAuth, Sts
from podid.calls.deadline import NEVER, Deadline, Overdue
from podid.calls.pacing import PATIENCE_SECONDS, WORKERS, Pacer
from podid.domain.errors import Again, CredentialsError, Unavailable, UsageError
from podid.domain.names import REGION_NAME
from podid.domain.text import did_you_mean, nearest
from podid.local import files
from podid.version import VERSION

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30
# a program that gives credentials may wait for a person
SIGN_IN_SECONDS = 120.0
# what can be done without is not waited for
OPTIONAL_PATIENCE_SECONDS = 2.0


class AwsSession:
    """`profile` and `region` are what the user named, or None. `env` is the process's environment, which boto3 reads
    by itself as well. `on_call` is called from whichever thread made the call, and `say` with what keeps on failing.

    Raises UsageError for an unknown profile and for a region that is missing or cannot be one.
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
    ) -> None:
        self._env = env
        self._say = say
        self._on_call = on_call
        self._lock = threading.RLock()
        self._apis: dict[str, Api] = {}
        self._sts: Sts | None = None
        self._patience = patience
        self._deadline = deadline
        self._signed_in = False
        self.profile = profile or env.get("AWS_PROFILE") or env.get("AWS_DEFAULT_PROFILE") or ""
        self._core = botocore.session.get_session()
        self._boto = _open(self._core, self.profile)
        self.region, self.region_source = _choose_region(region, env, self._core, self.profile)
        self._endpoints = {name for name, value in env.items() if name.startswith("AWS_ENDPOINT_URL") and value}
        partitions = self._core.get_available_partitions()
        known = tuple(region for name in partitions for region in self._core.get_available_regions("eks", name))
        self.partition = _find_partition(self._core, self.region, known, bool(self._endpoints))
        note = "" if self.region in known or self._endpoints else did_you_mean(self.region, known, 1)
        # the profile, or one that it takes its credentials from, signs in with IAM Identity Center
        sso = any({"sso_session", "sso_start_url"} & set(settings) for settings in _sources(self._core, self.profile))
        self.origin = Origin(self.profile, self.region, sso, note, partition=self.partition)

    @property
    def credentials_source(self) -> str:
        """What gave the credentials, as botocore calls it: `env`, `sso`, `assume-role`, `container-role`…, and the
        profile where one is in force. Raises as any call would when there are none."""
        self._sign_in()
        credentials = self._core.get_credentials()
        method = str(credentials.method) if credentials is not None else "none"
        return f"{method}, profile {self.profile}" if self.profile else method

    @property
    def eks(self) -> Eks:
        return Eks(self._api("eks"))

    def eks_in(self, region: str) -> Eks:
        """EKS of another region, with the same credentials."""
        return Eks(self._api("eks", region))

    @property
    def eks_regions(self) -> tuple[str, ...]:
        """Every region of the partition in which botocore knows EKS, this one first. Which of them are enabled for the
        account is not known here."""
        others = self._core.get_available_regions("eks", partition_name=self.partition)
        return (self.region, *sorted(set(others) - {self.region}))

    @property
    def iam(self) -> Iam:
        return Iam(self._api("iam"))

    @property
    def ec2(self) -> Ec2:
        return Ec2(self._api("ec2"))

    @property
    def sts(self) -> Sts:
        with self._lock:
            if self._sts is None:
                self._sts = Sts(self._api("sts"), self._sts_as)
            return self._sts

    @property
    def eks_auth(self) -> EksAuth:
        return EksAuth(self._api("eks-auth"))

    @property
    def access_analyzer(self) -> AccessAnalyzer:
        """Given up soon: what it is asked for can be done without, and networks without its endpoint are many."""
        return AccessAnalyzer(self._api("accessanalyzer", patience=min(self._patience, OPTIONAL_PATIENCE_SECONDS)))

    @property
    def cloudtrail(self) -> CloudTrail:
        """Two calls a second are all that it answers, so that it is given up no sooner than others."""
        return CloudTrail(self._api("cloudtrail"))

    def _api(self, service: str, region: str = "", *, patience: float | None = None) -> Api:
        region = region or self.region
        key = f"{service} {region}"
        with self._lock:
            if key not in self._apis:
                pacer = Pacer(patience=self._patience if patience is None else patience, deadline=self._deadline)
                origin = replace(self.origin, region=region, endpoint=self._endpoint_variable(service))
                self._sign_in()
                client, repeats = self._build(service, region)
                self._apis[key] = Api(
                    client, pacer, origin, self._deadline, repeats=repeats, say=self._say, account=self._known_account
                )
            return self._apis[key]

    def _known_account(self) -> str:
        return self._sts.known_account if self._sts is not None else ""

    def _endpoint_variable(self, service: str) -> str:
        """The one that names the service's endpoint, as botocore looks for it; empty for AWS's own."""
        names = (f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}", "AWS_ENDPOINT_URL")
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
        """Gets the credentials, for which a program, IAM Identity Center or the instance may have to be asked. A person
        who is asked for a code takes the time that it takes."""
        if self._signed_in:
            return

        whose = f" of profile {self.profile}" if self.profile else ""
        check_token_files(self._env, _sources(self._core, self.profile))

        def load() -> None:
            credentials = self._core.get_credentials()
            if credentials is not None:
                keys = credentials.get_frozen_credentials()
                check_credentials(keys.access_key, keys.token, whose)

        try:
            if any("mfa_serial" in settings for settings in _sources(self._core, self.profile)):
                load()
            else:
                self._deadline.wait(load, SIGN_IN_SECONDS)
        except Overdue as error:
            raise Unavailable(
                f"no AWS credentials{whose} were returned {error}",
                advice="The source does not answer: credential_process, IAM Identity Center or a container endpoint.",
            ) from None
        except (BotoCoreError, ClientError) as error:
            raise translate(error, service="sts", operation="", origin=self.origin) from error
        except UNPARSABLE as error:
            # the text of the error may quote the credentials
            raise CredentialsError(
                f"the source of the AWS credentials{whose} returned a value that is not credentials"
            ) from error
        self._limit_renewal()
        self._signed_in = True

    def _limit_renewal(self) -> None:
        """Credentials that expire soon are renewed in the middle of a call, by what is no socket of its own."""
        credentials = self._core.get_credentials()
        renew = getattr(credentials, "_refresh_using", None)  # of those that can be
        if renew is not None:
            credentials._refresh_using = lambda: self._deadline.wait(renew, SIGN_IN_SECONDS)

    def _build(self, service: str, region: str, **keys: str) -> tuple[Any, dict[str, Repeats]]:
        config = Config(
            user_agent_extra=f"podid/{VERSION}",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            max_pool_connections=WORKERS,
            # pacing owns retrying
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


def _open(core: Any, profile: str) -> Any:
    try:
        return boto3.session.Session(botocore_session=core, profile_name=profile or None)
    except ProfileNotFound as error:
        raise _unknown_profile(profile) from error
    except BotoCoreError as error:
        raise translate(error, service="sts", operation="", origin=Origin(profile)) from error


def _unknown_profile(profile: str) -> UsageError:
    known = sorted(botocore.session.get_session().full_config.get("profiles", {}))
    listing = f"known profiles: {', '.join(known)}" if known else "no profile is configured on this machine"
    near = nearest(profile, known, 1)
    sentence = f"AWS profile {profile!r} does not exist{did_you_mean(profile, known, 1)}"
    hint = Again(swap=(profile, near[0])) if near else ()
    return UsageError(sentence, hint=hint, subject=profile, advice=f"{listing}.")


def _choose_region(region: str | None, env: Mapping[str, str], core: Any, profile: str) -> tuple[str, str]:
    """The region and who said so. AWS_REGION comes first, as in the AWS CLI; boto3 alone does not read it."""
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


def _sources(core: Any, profile: str) -> Iterator[Mapping[str, Any]]:
    """The settings of the profile, and of those that it takes its credentials from."""
    profiles = core.full_config.get("profiles", {})
    name = profile or "default"
    for _ in range(len(profiles)):
        settings = profiles.get(name, {})
        yield settings
        name = settings.get("source_profile", "")


def check_token_files(env: Mapping[str, str], profiles: Iterable[Mapping[str, Any]]) -> None:
    """`profiles` are the settings of those in force. Raises UsageError for a file that cannot be read."""
    if not env.get("AWS_ACCESS_KEY_ID"):  # which comes first
        for name in ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            _check(name, env.get(name))
    for settings in profiles:
        _check("web_identity_token_file", settings.get("web_identity_token_file"))


def check_ca_bundle(core: Any, env: Mapping[str, str]) -> None:
    """Raises UsageError for a bundle of certificates that cannot be read."""
    configured = core.get_config_variable("ca_bundle")
    if configured:
        _check("AWS_CA_BUNDLE" if env.get("AWS_CA_BUNDLE") else "ca_bundle", configured)
    else:
        _check("REQUESTS_CA_BUNDLE", env.get("REQUESTS_CA_BUNDLE"))


def _check(name: str, path: object) -> None:
    if isinstance(path, str) and path:
        try:
            files.check_readable(Path(path))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "the path is not valid"
            raise UsageError(f"the file {path} of {name} cannot be read: {reason}", subject=path) from error


def check_credentials(access_key_id: str, session_token: str | None, whose: str) -> None:
    """Raises CredentialsError for what no header can carry, such as the line break at the end of a file. `whose` is
    " of profile PROFILE", or empty."""
    for name, value in (("access key id", access_key_id), ("session token", session_token or "")):
        if not (value.isascii() and value.isprintable()):
            reason = "contains a character that is not allowed, such as a line break"
            raise CredentialsError(f"the {name} of the AWS credentials{whose} {reason}")
