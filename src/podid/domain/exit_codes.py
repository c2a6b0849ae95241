"""Exit codes, in one place. `docs/reference/exit-codes.md` is generated from this file."""

from enum import IntEnum


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
