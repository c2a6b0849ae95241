"""Reads what the user typed into values, with errors that say what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from podid.domain.errors import Again, InvalidInput, Other, UsageError
from podid.domain.findings import Severity
from podid.domain.names import ServiceAccountRef, parse_role_arn
from podid.domain.option import one_of, seconds
from podid.domain.plan import Wait

if TYPE_CHECKING:
    from podid.cli.options import Shared
    from podid.cli.terminal import Terminal
    from podid.domain.baseline import Accepted
    from podid.domain.status import IdentityState
    from podid.domain.trust import ScopeKind
    from podid.ops.change.kinds.addon import ResolveConflicts


def service_accounts(texts: Sequence[str] | None) -> tuple[ServiceAccountRef, ...]:
    """Each once, in the order given."""
    return tuple(dict.fromkeys(ServiceAccountRef.parse(text) for text in texts or ()))


def whose_pods(
    texts: Sequence[str] | None, options: Shared, sources: Mapping[str, str], *, everywhere: bool = False
) -> tuple[ServiceAccountRef, ...]:
    """The service accounts that are named; none of them means all of the namespace, or of the cluster, which then has
    to be said with -A unless `everywhere`."""
    refs = service_accounts(texts)
    if not refs and not everywhere and options.namespace is None and not options.all_namespaces:
        raise UsageError(
            "Which pods? Name service accounts, a namespace (-n NS) or the whole cluster (-A)",
            hint=Other(("list",)),
        )
    if refs and (options.all_namespaces or sources.get("namespace") == "--namespace"):
        raise UsageError("Service accounts and -n or -A exclude each other")
    return refs


def tags(texts: Sequence[str] | None, *, option: str = "--tag") -> dict[str, str]:
    """KEY=VALUE pairs; AWS takes keys up to 128 and values up to 256 characters, and keeps aws: for itself."""
    found: dict[str, str] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InvalidInput(f"{option} {text!r} is not KEY=VALUE", subject=text)
        if len(key) > 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise InvalidInput(f"{option} {text!r}: keys have at most 128 characters, values 256, no aws: prefix")
        if key in found:
            raise InvalidInput(f"{option} {key} is given twice", subject=key)
        found[key] = value
    return found


def untags(keys: Sequence[str] | None, tagged: Sequence[str] | None) -> tuple[str, ...]:
    """Keys of tags to remove, none of which is to be set by `tagged` at once."""
    found = tuple(dict.fromkeys(keys or ()))
    for key in found:
        if not key or len(key) > 128 or "=" in key or key.lower().startswith("aws:"):
            raise InvalidInput(f"--untag {key!r} is not a tag's key: at most 128 characters, no =, no aws: prefix")
        if key in tags(tagged):
            raise InvalidInput(f"--tag and --untag both name {key}", subject=key)
    return found


def removable(option: str, value: str | None, removed: bool) -> str | None:
    """What --OPTION gave; "" where --no-OPTION asks to remove it. Raises UsageError for both."""
    if removed and value:
        raise UsageError(f"--{option} and --no-{option} exclude each other")
    return "" if removed else value


def scope(text: str) -> ScopeKind:
    from podid.domain.trust import ScopeKind

    return ScopeKind(text)


def target_role(text: str | None) -> str | None:
    """A role ARN of any account."""
    if text is not None:
        parse_role_arn(text)
    return text


def policies(terminal: Terminal, files: Sequence[str] | None) -> dict[str, Mapping[str, object]]:
    """Inline policies by the names that their files give them."""
    from podid.ops.role.policies import check_policy_document, policy_name

    found: dict[str, Mapping[str, object]] = {}
    for file in files or ():
        name = policy_name("stdin" if file == "-" else file)
        if name in found:
            raise InvalidInput(f"Two policy files would both become the inline policy {name}; rename one", subject=file)
        found[name] = check_policy_document(json_file(terminal, file), file)
    return found


def role_path(text: str) -> str:
    if not (text.startswith("/") and text.endswith("/") and len(text) <= 512):
        raise InvalidInput(f"--path {text!r} must start and end with '/' and have at most 512 characters", subject=text)
    if text.startswith(("/aws-service-role/", "/aws-reserved/")):
        raise InvalidInput(f"--path {text!r} is reserved for AWS", subject=text)
    return text


def description(text: str) -> str:
    if len(text) > 1000:
        raise InvalidInput(f"--description has {len(text)} characters; IAM takes 1,000")
    return text


def session_seconds(text: str | None) -> int | None:
    """IAM's MaxSessionDuration, an hour to twelve."""
    if text is None:
        return None
    duration = seconds(text)
    if not 3600 <= duration <= 43200:
        raise InvalidInput(f"--max-session-duration {text!r} is not between 1h and 12h", subject=text)
    return int(duration)


def age(text: str | None) -> timedelta | None:
    """A time such as 90s, 5m or 48h."""
    return None if text is None else timedelta(seconds=seconds(text))


def role_form(text: str | None) -> Literal["", "json", "terraform", "cloudformation"]:
    match text:
        case None:
            return ""
        case "json" | "terraform" | "cloudformation":
            return text
    raise InvalidInput(f"--print {text!r} is not one of json, terraform, cloudformation", subject=text)


def association_form(text: str | None) -> bool:
    """Whether associations are to be printed for Terraform."""
    if text not in (None, "terraform"):
        raise InvalidInput(f"--print {text!r} is not terraform", subject=str(text))
    return text is not None


def json_file(terminal: Terminal, name: str) -> object:
    """The JSON value of a policy's file, read as strictly as a trust policy; InvalidInput names the file and the
    place."""
    from podid.domain import trust

    try:
        return trust.read_json(terminal.read_file(name))
    except trust.TrustPolicyError as error:
        raise InvalidInput(f"{name}: {error.what}", subject=name) from error


def session_policy(terminal: Terminal, name: str | None) -> str | None:
    """The text that EKS takes: compact JSON, at most 2,048 characters."""
    from podid.ops.role.policies import check_policy_document, session_policy_text

    if name is None:
        return None
    return session_policy_text(check_policy_document(json_file(terminal, name), name), name)


def resolve_conflicts(text: str) -> ResolveConflicts:
    """EKS's word for it."""
    words: dict[str, ResolveConflicts] = {"none": "NONE", "preserve": "PRESERVE", "overwrite": "OVERWRITE"}
    return words[one_of("--resolve-conflicts", text.lower(), tuple(words))]


def no_state(wait: Wait | None) -> None:
    """For what takes credentials away: raises UsageError for --wait verified or proven."""
    if wait in (Wait.VERIFIED, Wait.PROVEN):
        what = f"--wait {wait} waits for credentials that pods get, and this takes them away"
        raise UsageError(what, hint=Again(swap=(wait, Wait.READY)))


def severity(text: str) -> Severity | None:
    """The least severe finding that makes exit code 3; None for never."""
    return None if text == "never" else Severity(text)


def state(text: str, allowed: Sequence[IdentityState]) -> IdentityState:
    """What --require names. Raises InvalidInput for a state that the command cannot show."""
    from podid.domain.status import IdentityState

    if text not in tuple(allowed):
        words = ", ".join(allowed)
        raise InvalidInput(f"--require {text!r} is not one of: {words}", hint=Again(swap=(text, allowed[-1])))
    return IdentityState(text)


def baseline(terminal: Terminal, file: str | None, known: Iterable[str]) -> tuple[Accepted, ...]:
    """The accepted findings of a YAML or JSON file. `known` are the ids of checks."""
    if file is None:
        return ()
    from podid.domain.baseline import parse_baseline

    return parse_baseline(data_file(terminal, file), known, file)


def data_file(terminal: Terminal, file: str) -> object:
    """What a YAML or JSON file, or stdin for `-`, holds."""
    from podid.local import data
    from podid.ops.trust.files import called

    return data.read(terminal.read_file(file), called(file))
