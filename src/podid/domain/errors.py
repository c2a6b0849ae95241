"""What podid raises when it cannot go on, and the exit codes that it asks for.

Every class owns its exit code and its `code`, the machine-readable name that `-o json` shows. `message` is one sentence
with the object in it; `hint` can be pasted: `Again` for the command that was given with changes, `Other` for another
command of podid, an argv list for another program, or empty when nothing helps. `docs/reference/exit-codes.md` is
generated from this file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from podid.domain.text import plain_urls


class ExitCode(IntEnum):
    """What a script may rely on. The docstring of each member is the documentation."""

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
    ExitCode.OK: "ok, or nothing to do; also every `--dry-run`",
    ExitCode.FAILURE: "a bug, or a failure that podid could not classify",
    ExitCode.USAGE: "usage; or consent was needed and there was no terminal and no `--yes`",
    ExitCode.ATTENTION: "attention: findings at `--fail-on` (default error), an identity that is broken or stale, or "
    "something else that is not as it should be",
    ExitCode.DENIED: "access denied, and therefore no result; the message names the permission",
    ExitCode.NOT_FOUND: "something that was named does not exist",
    ExitCode.CONFLICT: "conflict: exists with other settings, owned by an add-on, state moved since the plan, or "
    "refused by AWS or the cluster",
    ExitCode.UNAVAILABLE: "unavailable: network, throttled out, `--timeout` passed, or a change did not take effect in "
    "time",
    ExitCode.PARTIAL: "partial: some done, some failed; the output says which",
    ExitCode.UNDETERMINED: "undetermined: a result, but an error-level check is unknown, or the state that "
    "`--wait` or `--require` names could not be checked",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
}

_PRECEDENCE = (ExitCode.PARTIAL, ExitCode.ATTENTION, ExitCode.UNDETERMINED)


def combine(codes: set[ExitCode]) -> ExitCode:
    """The one code for several outcomes at once: 8, then 3, then 9, then the highest of the rest."""
    for code in _PRECEDENCE:
        if code in codes:
            return code
    return max(codes, default=ExitCode.OK)


@dataclass(frozen=True, slots=True)
class Again:
    """A hint that is the command line as it was given, with what it says changed; nothing that was given is lost.
    `add` are flags with their values, `swap` one word for another wherever it stands. Another word is a guess: what was
    consented to (--yes, --force) was something else, and is asked about again. `instead` is for a command that has no
    such flag."""

    add: tuple[str, ...] = ()
    swap: tuple[str, str] | None = None
    instead: "Other | None" = None

    def of(
        self, argv: tuple[str, ...], *, path: int = 0, unconsented: Callable[[str], str] = lambda word: word
    ) -> tuple[str, ...]:
        """The command line to paste; empty where the word to be replaced is not in it, for the same again would fail
        the same way. Its first `path` words name the command. Flags go before a `--`, behind which everything is a
        name. `unconsented` gives a word without what consents in it, empty where that is all."""
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
        if word.startswith("-") and not word.startswith("--") and word[2:].removeprefix("=") == old:
            return word[: -len(old)] + new
        name, equals, value = word.partition("=")
        if not equals or not name.startswith("--"):
            return word
        return f"{new if name == old else name}={new if value == old else value}"


@dataclass(frozen=True, slots=True)
class Other:
    """A hint that is another command of podid, at the same place: flags of the command line that was given which say
    where (cluster, region, profile, …) are taken over, as far as `command` has them."""

    command: tuple[str, ...]
    names: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def of(self) -> tuple[str, ...]:
        """The command line without those. Where a name could be taken for a flag, names come last, behind a `--`."""
        if any(name.startswith("-") for name in self.names):
            return ("podid", *self.command, *self.flags, "--", *self.names)
        return ("podid", *self.command, *self.names, *self.flags)


# a tuple is a command line of another program
Hint = tuple[str, ...] | Again | Other


class PodidError(Exception):
    """A failure that podid foresaw; the message says which."""

    code: str = "Failed"
    exit_code: ExitCode = ExitCode.FAILURE

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
        """`lines` are there to look at: a difference, a list. `advice` is a sentence for what no command can do ("ask
        the account's owner for …"); `permission` is the IAM action or the Kubernetes verb and resource that the caller
        lacks; `id` the failure mode that it was seen to be, for `podid explain`."""
        # what went wrong with an address is often told with what it holds
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
        """Adds a sentence to what is advised already."""
        self.advice = f"{self.advice} {sentence}".strip()


class UsageError(PodidError):
    """The command line cannot be carried out as written."""

    code = "Usage"
    exit_code = ExitCode.USAGE


class ConsentNeeded(UsageError):
    """A change needs confirmation, and there is no terminal to ask on."""

    code = "ConsentNeeded"


class InvalidInput(UsageError):
    """A value, file or document that the user named cannot be read or is malformed."""

    code = "InvalidInput"


class AccessDenied(PodidError):
    """The caller lacks `permission` (an IAM action or a Kubernetes verb and resource)."""

    code = "AccessDenied"
    exit_code = ExitCode.DENIED


class CredentialsError(AccessDenied):
    """No credentials, expired ones, or ones that the service refuses to know."""

    code = "Credentials"


class NotFound(PodidError):
    """Something that the user named does not exist."""

    code = "NotFound"
    exit_code = ExitCode.NOT_FOUND


class ClusterNotFound(NotFound):
    """The cluster that a call named is what does not exist, not the thing inside it."""


class Conflict(PodidError):
    """It exists with other settings, is owned by an add-on, or has moved since the plan was made."""

    code = "Conflict"
    exit_code = ExitCode.CONFLICT


class AlreadyExists(Conflict):
    """A create was refused because the object is there."""

    code = "AlreadyExists"

    def __init__(self, message: str, *, existing_id: str = "", **common: Any) -> None:
        super().__init__(message, **common)
        self.existing_id = existing_id


class ConcurrentModification(Conflict):
    """IAM was changing the same object for somebody else: read again, then write again."""

    code = "ConcurrentModification"


class LimitExceeded(Conflict):
    """A quota of the service is used up."""

    code = "LimitExceeded"


class Rejected(PodidError):
    """The service refused the request itself; the message has its words."""

    code = "Rejected"
    exit_code: ExitCode = ExitCode.CONFLICT

    def __init__(self, message: str, *, service_code: str = "", **common: Any) -> None:
        super().__init__(message, **common)
        self.service_code = service_code


class NotServed(Rejected):
    """The service does not serve what it was asked for, or refuses to read it."""

    code = "NotServed"
    exit_code = ExitCode.UNAVAILABLE


class RoleUnknown(Rejected):
    """EKS does not know the role, although IAM may: a new role takes up to two minutes to get about."""

    code = "RoleUnknown"
    exit_code = ExitCode.NOT_FOUND


class TrustRefused(Rejected):
    """EKS refuses the role for its trust policy, or has not seen the newest one yet."""

    code = "TrustRefused"


class Unavailable(PodidError):
    """The network, a throttle or a deadline stood in the way; a later try may do."""

    code = "Unavailable"
    exit_code = ExitCode.UNAVAILABLE


class ServerFailed(Unavailable):
    """The service answered with a 5xx: a read may be tried again, a write may or may not have been carried out."""


class ConnectionLost(Unavailable):
    """The request was sent and no whole answer came back."""


class Unreachable(Unavailable):
    """No connection could be made, so the service never saw the request."""


class Throttled(Unavailable):
    """The service throttled requests until the deadline passed."""

    code = "Throttled"


class BudgetHolds(Unavailable):
    """A PodDisruptionBudget does not let a pod go now; it may once another one is ready."""

    code = "BudgetHolds"


class TimedOut(Unavailable):
    """`--timeout` passed before the command was done, or before the awaited state was seen."""

    code = "TimedOut"


class LostAnswer(Unavailable):
    """A change was sent and its answer never came: it may or may not have been made. Read before trying again."""

    code = "LostAnswer"

    @classmethod
    def of(cls, error: PodidError) -> "LostAnswer":
        """From the error that says that a write's answer did not arrive."""
        return cls(
            f"the change may or may not have been made: {error.message}",
            subject=error.subject,
            request_id=error.request_id,
            advice="Run the same command again: it looks first and changes only what is missing.",
        )


class UnreadableAnswer(Unavailable):
    """What answered does not keep to the API's form: a proxy, a captive portal, a wrong endpoint, or a bug there."""

    code = "UnreadableAnswer"


class Partial(PodidError):
    """Some of it was done or read and is in the result, some was not."""

    code = "Partial"
    exit_code = ExitCode.PARTIAL


class NotYet(PodidError):
    """A step that is not possible yet: its conditions are not met, and time or another command changes that."""

    code = "NotYet"
    exit_code = ExitCode.ATTENTION


class Undetermined(PodidError):
    """The answer was asked for by name and could not be looked at."""

    code = "Undetermined"
    exit_code = ExitCode.UNDETERMINED


class Declined(UsageError):
    """The user answered no."""

    code = "Declined"


class Cancelled(PodidError):
    """The user pressed Ctrl-C at a question."""

    code = "Cancelled"
    exit_code = ExitCode.INTERRUPTED
