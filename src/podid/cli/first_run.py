"""Before podid is configured: the missing prerequisites (credentials, a region, a cluster, a running sandbox), and the
next line to type. Also the page that `podid` alone shows on a terminal."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from podid.cli.argv import value_of
from podid.domain.errors import Again, CredentialsError, Hint, Other, PodidError, Unreachable, UsageError
from podid.domain.text import short_list
from podid.render.view import Line, sentence

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.cli.runtime import Runtime

_ENV = 'eval "$(podid sandbox env)"'
_RESTART = f"If it was a sandbox, start one again and run {_ENV}."
_DEMO = "podid demo requires no credentials."
_SIGN_IN = ("aws", "configure", "sso")
_ENDPOINT = "AWS_ENDPOINT_URL"
_KEY = "AWS_ACCESS_KEY_ID"
_VARIABLES = (_KEY, "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_REFUSED = re.compile("credentials have expired|does not recognize the AWS credentials")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
# limit for the calls of the page
PAGE_SECONDS = 5.0


def advise(error: PodidError, runtime: Runtime) -> None:
    """Add the next line to type to an error, from the configuration of this machine."""
    endpoint = runtime.env.get(_ENDPOINT, "")
    typed = value_of("--profile", runtime.argv)
    from_variables = bool(runtime.env.get(_KEY)) and not typed
    if isinstance(error, CredentialsError) and type(error.__cause__).__name__ == "NoCredentialsError":
        error.advice, error.hint = _ways_to_credentials(profile_names(runtime), typed or runtime.env.get("AWS_PROFILE"))
    elif isinstance(error, CredentialsError) and not error.hint and from_variables and _REFUSED.search(error.message):
        renewal, error.hint = _renewal(profile_names(runtime))
        error.advice = renewal if "expired" in error.message else f"{error.advice} {renewal}"
    elif isinstance(error, UsageError) and error.hint == ("aws", "configure") and (names := profile_names(runtime)):
        error.hint = Again(add=("--profile", names[0]))  # it may have the missing region
    elif (
        isinstance(error, Unreachable)
        and endpoint in error.message
        and endpoint.partition("://")[2].startswith(_LOOPBACK)
    ):
        error.advice = f"{_ENDPOINT} names that address. {_RESTART} To use AWS, open a new shell."
        error.hint = Other(("sandbox", "start"))


def _renewal(profiles: Sequence[str]) -> tuple[str, Hint]:
    """Return how to renew credentials in environment variables, which take precedence unless a profile is specified."""
    source = "They come from environment variables."
    if profiles:
        return f"{source} Set new ones, or use a profile.", Again(add=("--profile", profiles[0]))
    return f"{source} Set new ones, or unset these and sign in.", ("unset", *_VARIABLES)


def _ways_to_credentials(profiles: Sequence[str], used: str | None) -> tuple[str, Hint]:
    """Return the advice and the hint for missing credentials: another profile, or signing in."""
    if not profiles:
        return f"Set AWS_PROFILE or the AWS_* variables, or sign in. {_DEMO}", _SIGN_IN
    advice = f"The AWS configuration has these profiles: {short_list(profiles, 5)}. {_DEMO}"
    profile = next((name for name in profiles if name != used), "")
    return advice, Again(add=("--profile", profile)) if profile else _SIGN_IN


def profile_names(runtime: Runtime) -> tuple[str, ...]:
    """Return the profiles of the AWS configuration, sorted. Unreadable files have none."""
    import configparser
    import contextlib

    from podid.local import files

    home = Path(runtime.env.get("HOME") or "~").expanduser() / ".aws"
    shared = runtime.env.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials"
    config = configparser.RawConfigParser()
    for path in (runtime.env.get("AWS_CONFIG_FILE") or home / "config", shared):
        with contextlib.suppress(OSError, ValueError, configparser.Error):
            config.read_string(files.read(Path(path)).decode())
    sections = (name for name in config.sections() if not name.startswith(("sso-session ", "services ")))
    return tuple(sorted(name.removeprefix("profile ") for name in sections))


_STATUS = ("podid status", "Show which service accounts have working credentials.")
_ASSOCIATE = ("podid associate", "Give a service account's pods a role; asks for the details.")
_DOCTOR = ("podid doctor", "Find the first broken link.")
_WHOAMI = ("podid whoami", "Show the caller, the region and the clusters in it.")
_TRY = ("podid demo", "Take a tour on this machine, without AWS.")
_HELP = ("podid --help", "List all commands.")
_VARIABLE_OF = {
    "--profile": "AWS_PROFILE",
    "--region": "AWS_REGION",
    "--cluster": "PODID_CLUSTER",
}


def start_page(access: Access) -> Iterator[str | Line]:
    """Yield the facts that podid found and the next lines to type. Makes one call each for the caller, the cluster and
    its API server; without a cluster, one for the list of clusters."""
    from podid.cli.help import ABOUT, section, two_columns, wrapped

    facts, next_lines = _facts(access)
    width = min(access.runtime.width, 100)
    yield from wrapped(ABOUT, width)
    yield from section("Configuration", two_columns(facts, width))
    yield from section("Next", two_columns(next_lines, width))


def _facts(access: Access) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    facts: list[tuple[str, str]] = []
    try:
        named = access.named
        region = f"{access.aws.region} ({access.region_source})"
        facts.append(("Region", region))
        facts.insert(0, ("Caller", access.aws.sts.get_caller().arn))
    except PodidError as error:
        _explain(error, access)
        facts.insert(0, ("Caller" if facts else "Problem", _sentence(error)))
        return facts, [*_hinted(error, access), _TRY, _HELP]
    if named is None:
        words, next_lines = _clusters(access)
        return [*facts, ("Cluster", words)], [*next_lines, _HELP]
    words = f"{named.name} ({named.source.partition(' arn:')[0]})"
    try:
        access.place()
    except PodidError as error:
        _explain(error, access)
        return [*facts, ("Cluster", _sentence(error))], [*_hinted(error, access), _TRY, _HELP]
    facts.append(("Cluster", words))
    if failure := access.kube.failure:
        facts.append(("Kubernetes", f"{sentence(failure.message)} Commands about pods need it."))
    return facts, [_STATUS, _ASSOCIATE, _DOCTOR, _HELP]


def _clusters(access: Access) -> tuple[str, list[tuple[str, str]]]:
    """Return the clusters of the region, and the next lines to type."""
    try:
        names = access.aws.eks.list_clusters()
    except PodidError as error:
        return f"none specified, and the clusters cannot be listed: {_sentence(error)}", [_WHOAMI, _TRY]
    if not names:
        return f"none in {access.aws.region}. Specify another region with --region or AWS_REGION.", [_WHOAMI, _TRY]
    if len(names) == 1:
        words = f"{names[0]}, the only one in {access.aws.region}"
        return words, [_STATUS, _ASSOCIATE, _DOCTOR]
    line = shlex.join(("podid", "status", "--cluster", names[0]))
    words = f"none specified; {access.aws.region} has {short_list(names, 5)}. PODID_CLUSTER sets it for all commands."
    return words, [(line, _STATUS[1])]


def _explain(error: PodidError, access: Access) -> None:
    from podid.cli.command import tell_sources

    advise(error, access.runtime)
    tell_sources(error, access)


def _sentence(error: PodidError) -> str:
    advice = error.advice.replace(_DEMO, "").strip()
    return " ".join((sentence(error.message, error.subject), *([sentence(advice)] if advice else ())))


def _hinted(error: PodidError, access: Access) -> Iterable[tuple[str, str]]:
    from podid.cli.hints import hint_words

    words = hint_words(error.hint, access.argv)
    variable = _VARIABLE_OF.get(words[1], "") if words[:1] == ("podid",) and len(words) == 3 else ""
    if variable == "AWS_PROFILE" and access.runtime.env.get(_KEY):  # which precedes it
        words = ("unset", *_VARIABLES)
    elif variable:  # podid alone takes no options
        words = ("export", f"{variable}={words[2]}")
    elif words[:1] == ("podid",) and len(words) > 1 and words[1].startswith("-"):
        words = ("podid", "whoami", *words[1:])
    then = f"Then run {_ENV} and podid again." if words[:2] == ("podid", "sandbox") else "Then run podid again."
    return ((shlex.join(words), then),) if words else ()
