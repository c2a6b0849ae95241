"""The errors that podid raises, and the exit codes.

Every class owns its exit code and its `code`, the name in `-o json`. `message` is one sentence that names the object.
`hint` is a command line to paste: `Again` for the same command with changes, `Other` for another podid command, an argv
list for another program, or empty. `docs/reference/exit-codes.md` is generated from this file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

from podid.domain.text import plain_urls


class ExitCode(IntEnum):
    """The exit codes, on which scripts may rely. MEANING documents them."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    ATTENTION = 3
    DENIED = 4
    NOT_FOUND = 5
    CONFLICT = 6
    UNAVAILABLE = 7
    PARTIAL = 8
    UNDETERMINED = 9
    INTERRUPTED = 130


MEANING: dict[ExitCode, str] = {
    ExitCode.OK: "ok, or nothing to do; also a `--dry-run`, unless podid would refuse the change",
    ExitCode.FAILURE: "a bug, or a failure that podid could not classify",
    ExitCode.USAGE: "usage error; or confirmation was required, with no terminal and no `--yes`",
    ExitCode.ATTENTION: "attention: findings at `--fail-on` (default error), an identity that is broken or stale, or "
    "another problem",
    ExitCode.DENIED: "access denied, so there is no result; the message names the permission",
    ExitCode.NOT_FOUND: "a specified object does not exist",
    ExitCode.CONFLICT: "conflict: the object exists with other settings, is owned by an add-on, or changed after the "
    "plan; or AWS or the cluster rejected the request",
    ExitCode.UNAVAILABLE: "unavailable: network failure, throttling, `--timeout` exceeded, or a change did not take "
    "effect in time",
    ExitCode.PARTIAL: "partial: some changes succeeded and some failed; the output lists them",
    ExitCode.UNDETERMINED: "undetermined: there is a result, but a part of the answer could not be read, an "
    "error-level check is unknown, or the state of `--wait` or `--require` could not be checked; or nothing was "
    "changed, because what decides whether the change is safe could not be read",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
}

_PRECEDENCE = (ExitCode.PARTIAL, ExitCode.ATTENTION, ExitCode.UNDETERMINED)


def combine(codes: set[ExitCode]) -> ExitCode:
    """Return the exit code for several outcomes: 8, then 3, then 9, then the highest of the rest."""
    for code in _PRECEDENCE:
        if code in codes:
            return code
    return max(codes, default=ExitCode.OK)


def complete(code: ExitCode = ExitCode.OK, *unread: object) -> ExitCode:
    """Return the exit code of a result: 9 instead of 0 if a part of the answer is `unread`."""
    return combine({code, ExitCode.UNDETERMINED}) if any(unread) else code


@dataclass(frozen=True, slots=True)
class Again:
    """A hint: the same command line with changes; it keeps everything else.

    `add` are flags with their values; `swap` replaces one word everywhere. The other word is a guess, so
    flags that give consent (--yes, --force) are removed. `instead` is for a command that lacks the flag.
    """

    add: tuple[str, ...] = ()
    swap: tuple[str, str] | None = None
    instead: "Other | None" = None

    def of(
        self, argv: tuple[str, ...], *, path: int = 0, unconsented: Callable[[str], str] = lambda word: word
    ) -> tuple[str, ...]:
        """Return the command line to paste; empty if the word to replace is not in it.

        The first `path` words are the command's name. Flags are added before a `--`, because only names follow it.
        `unconsented` returns a word without the flags that give consent; empty if nothing remains.
        """
        words = [*argv[:path], *(self._swapped(word) for word in argv[path:])]
        if self.swap is not None and words == list(argv):
            return ()
        place = words.index("--") if "--" in words else len(words)
        flags = words[:place]
        if self.swap is not None:
            flags = [kept for word in flags if (kept := unconsented(word))]
        return ("podid", *flags, *self.add, *words[place:])

    def _swapped(self, word: str) -> str:
        if self.swap is None:
            return word
        old, new = self.swap
        if word == old:
            return new
        if word.startswith("-") and not word.startswith("--") and word[2:] == old:
            return word[: -len(old)] + new
        name, equals, value = word.partition("=")
        if not equals or not name.startswith("--"):
            return word
        return f"{new if name == old else name}={new if value == old else value}"


@dataclass(frozen=True, slots=True)
class Other:
    """A hint: another podid command at the same place. It keeps the flags for cluster, region, profile and so on, if
    `command` has them."""

    command: tuple[str, ...]
    names: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def of(self) -> tuple[str, ...]:
        """Return the command line without those flags. If a name looks like a flag, all names follow a `--`."""
        if any(name.startswith("-") for name in self.names):
            return ("podid", *self.command, *self.flags, "--", *self.names)
        return ("podid", *self.command, *self.names, *self.flags)


# a tuple is a command line of another program
Hint = tuple[str, ...] | Again | Other


class PodidError(Exception):
    """A failure that podid expects; the message describes it."""

    code: str = "Failed"
    exit_code: ExitCode = ExitCode.FAILURE
    # a wait goes on
    passing: ClassVar[bool] = False

    def __init_subclass__(cls, code: str = "", exit_code: ExitCode | None = None) -> None:
        """Define the class's code and exit code; those of its base are the default."""
        cls.code = code or cls.code
        cls.exit_code = cls.exit_code if exit_code is None else exit_code

    def __init__(
        self,
        message: str,
        *,
        hint: Hint = (),
        subject: str = "",
        request_id: str = "",
        advice: str = "",
        permission: str = "",
        id: str = "",
        lines: tuple[str, ...] = (),
    ) -> None:
        """Create the error. `lines` are printed below the message: a diff, a list. `advice` is a sentence for a remedy
        without a command ("ask the owner of the account for …"). `permission` is the missing IAM action, or Kubernetes
        verb and resource. `id` is the failure mode, for `podid explain`."""
        # messages about a URL may contain its password or query
        self.message = plain_urls(message)
        super().__init__(self.message)
        self.hint = hint
        self.subject = plain_urls(subject)
        self.request_id = request_id
        self.advice = plain_urls(advice)
        self.permission = permission
        self.id = id
        self.lines = tuple(map(plain_urls, lines))

    def advise(self, sentence: str) -> None:
        self.advice = f"{self.advice} {sentence}".strip()


class UsageError(PodidError, code="Usage", exit_code=ExitCode.USAGE):
    """The command line is not valid."""


class ConsentNeeded(UsageError, code="ConsentNeeded"):
    """A change requires confirmation, and there is no terminal."""


class InvalidInput(UsageError, code="InvalidInput"):
    """A specified value, file or document cannot be read or is malformed."""


class AccessDenied(PodidError, code="AccessDenied", exit_code=ExitCode.DENIED):
    """The caller lacks `permission` (an IAM action or a Kubernetes verb and resource)."""


class CredentialsError(AccessDenied, code="Credentials"):
    """Credentials are missing, expired, or not accepted by the service."""


class NotRecognized(CredentialsError):
    """The service does not know the access key: it was deleted, or the account has not enabled the region."""


class NotFound(PodidError, code="NotFound", exit_code=ExitCode.NOT_FOUND):
    """A specified object does not exist."""


class ClusterNotFound(NotFound):
    """The cluster of a call does not exist, as opposed to an object in it."""


class Conflict(PodidError, code="Conflict", exit_code=ExitCode.CONFLICT):
    """The object exists with other settings, is owned by an add-on, or changed after the plan was made."""


class AlreadyExists(Conflict, code="AlreadyExists"):
    """A create was rejected because the object already exists."""

    def __init__(self, message: str, *, existing_id: str = "", **common: Any) -> None:
        super().__init__(message, **common)
        self.existing_id = existing_id


class ConcurrentModification(Conflict, code="ConcurrentModification"):
    """A concurrent change of the same object in IAM for another caller: read again, then write again."""


class LimitExceeded(Conflict, code="LimitExceeded"):
    """A quota of the service is exceeded."""


class Rejected(PodidError, code="Rejected", exit_code=ExitCode.CONFLICT):
    """The service rejected the request; the message quotes it."""

    def __init__(self, message: str, *, service_code: str = "", **common: Any) -> None:
        super().__init__(message, **common)
        self.service_code = service_code


class NotServed(Rejected, code="NotServed", exit_code=ExitCode.UNAVAILABLE):
    """The service does not serve the requested resource, or cannot read the request."""


class RoleUnknown(Rejected, code="RoleUnknown", exit_code=ExitCode.NOT_FOUND):
    """EKS does not find the role, although IAM may: a new role takes up to two minutes to propagate."""


class TrustRefused(Rejected, code="TrustRefused"):
    """EKS rejects the role because of its trust policy, or has not received its latest version yet."""


class Unavailable(PodidError, code="Unavailable", exit_code=ExitCode.UNAVAILABLE):
    """A network failure, throttling or a deadline prevented the call; a later attempt may succeed."""

    passing = True


class ServerFailed(Unavailable):
    """The service answered with a 5xx: a read can be retried, a write may or may not have taken effect."""


class ConnectionLost(Unavailable):
    """The request was sent, and no complete answer arrived."""


class Unreachable(Unavailable):
    """No connection was possible, so the service did not receive the request."""


class Throttled(Unavailable, code="Throttled"):
    """The service throttled the requests until the deadline."""


class WebhookFailed(ServerFailed, code="WebhookFailed"):
    """The API server could not call an admission webhook that must not fail: it creates no such object until it can."""

    passing = False


class BudgetHolds(Unavailable, code="BudgetHolds"):
    """A PodDisruptionBudget prevents the eviction of a pod until another pod is ready."""


class TimedOut(Unavailable, code="TimedOut"):
    """`--timeout` passed before the command finished, or before the expected state was reached."""


class LostAnswer(Unavailable, code="LostAnswer"):
    """A change was sent, and no answer arrived: it may or may not have taken effect. Read before you retry."""

    @classmethod
    def of(cls, error: PodidError) -> "LostAnswer":
        """Return the error for a write without an answer."""
        return cls(
            f"the change may or may not have taken effect: {error.message}",
            subject=error.subject,
            request_id=error.request_id,
            advice="Run the same command again: it reads the current state first and changes only what is missing.",
        )


class UnreadableAnswer(Unavailable, code="UnreadableAnswer"):
    """The answer does not have the form of the API: from a proxy, a captive portal, a wrong endpoint, or a bug."""

    passing = False


class Partial(PodidError, code="Partial", exit_code=ExitCode.PARTIAL):
    """Some changes or reads succeeded and are in the result; others failed."""


class NotYet(PodidError, code="NotYet", exit_code=ExitCode.ATTENTION):
    """A step that is not possible yet: its conditions are not met, and time or another command changes that."""


class Undetermined(PodidError, code="Undetermined", exit_code=ExitCode.UNDETERMINED):
    """A requested answer could not be determined."""


class Declined(UsageError, code="Declined"):
    """The user answered no."""


class Cancelled(PodidError, code="Cancelled", exit_code=ExitCode.INTERRUPTED):
    """The user pressed Ctrl-C at a question."""
