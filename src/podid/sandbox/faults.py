"""Faults on demand: failures between a client and the AWS or Kubernetes half.

A fault selects calls by wildcards on service ("eks", "eks-auth", "iam", "sts", "ec2", "kubernetes") and operation:
"DescribePodIdentityAssociation", or for Kubernetes method, path and query: "GET */pods*". Faults add up. The first
fault that breaks a call wins.
"""

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from podid.sandbox.http import Disconnect

KINDS = ("latency", "throttle", "fail", "reset", "lose-answer")


@dataclass(slots=True)
class Fault:
    """One fault. It applies to the next `times` calls, or to all calls if None.

    latency: wait `seconds` before the call. throttle: refuse more than `rate` calls a second (after `burst` at once).
    fail: return `status` instead of the call, on Kubernetes with `message` and `retry_after` seconds. reset: close the
    connection before the call. lose-answer: close the connection after the call.
    """

    kind: str
    service: str = "*"
    operation: str = "*"
    # of the caller; empty for every one
    account: str = ""
    times: int | None = None
    seconds: float = 0.0
    rate: float = 0.0
    burst: float = 1.0
    status: int = 503
    message: str = ""
    retry_after: int | None = None
    tokens: float = field(default=-1.0, repr=False)
    filled_at: float = field(default=0.0, repr=False)

    def matches(self, service: str, operation: str, account: str) -> bool:
        ours = self.account in ("", account)
        return ours and fnmatchcase(service, self.service) and fnmatchcase(operation, self.operation)


@dataclass(frozen=True, slots=True)
class Met:
    """The effects of the faults on one call. `breaks` is the fault that makes it fail."""

    seconds: float = 0.0
    breaks: Fault | None = None
    lose_answer: bool = False

    def before(self) -> None:
        """Wait. Raise Disconnect if the call must not reach the service."""
        if self.seconds:  # even time.sleep(0) yields the processor
            time.sleep(self.seconds)
        if self.breaks is not None and self.breaks.kind == "reset":
            raise Disconnect

    def after(self) -> None:
        """Raise Disconnect if the client must get no answer although the call succeeded."""
        if self.lose_answer:
            raise Disconnect


class Faults:
    """The active faults, and the number of calls of each operation. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self.calls: Counter[tuple[str, str]] = Counter()

    def add(self, fault: Fault) -> Fault:
        """Add a fault. Raise ValueError for an unknown kind."""
        if fault.kind not in KINDS:
            raise ValueError(f"{fault.kind!r} is not one of {', '.join(KINDS)}")
        with self._lock:
            self._rules.append(fault)
        return fault

    def latency(self, seconds: float, service: str = "*", operation: str = "*") -> Fault:
        return self.add(Fault("latency", service, operation, seconds=seconds))

    def throttle(self, rate: float, burst: float = 1.0, service: str = "*", operation: str = "*") -> Fault:
        """Add a fault that allows `rate` calls a second after `burst` at once. All matching calls share one bucket."""
        return self.add(Fault("throttle", service, operation, rate=rate, burst=burst))

    def fail(self, service: str = "*", operation: str = "*", *, times: int | None = None, status: int = 503) -> Fault:
        return self.add(Fault("fail", service, operation, times=times, status=status))

    def reset(self, service: str = "*", operation: str = "*", *, times: int | None = None) -> Fault:
        return self.add(Fault("reset", service, operation, times=times))

    def lose_answer(self, service: str = "*", operation: str = "*", *, times: int | None = None) -> Fault:
        """Add a fault that loses the answer of a call that succeeded."""
        return self.add(Fault("lose-answer", service, operation, times=times))

    def clear(self) -> None:
        """Remove every fault; the counts stay."""
        with self._lock:
            self._rules.clear()

    def listed(self) -> list[Fault]:
        with self._lock:
            return list(self._rules)

    @property
    def by_account(self) -> bool:
        """Return whether a fault is for the callers of one account."""
        return any(rule.account for rule in self._rules)

    def meet(self, service: str, operation: str, account: str = "") -> Met:
        """Count the call and return the effects of the faults on it."""
        seconds, lose = 0.0, False
        with self._lock:
            self.calls[service, operation] += 1
            for rule in self._rules:
                if not rule.matches(service, operation, account) or rule.times == 0:
                    continue
                if rule.kind == "throttle" and _has_token(rule):
                    continue
                if rule.times is not None:
                    rule.times -= 1
                if rule.kind == "latency":
                    seconds += rule.seconds
                elif rule.kind == "lose-answer":
                    lose = True
                else:
                    return Met(seconds, rule, lose)
        return Met(seconds, lose_answer=lose)


def _has_token(rule: Fault) -> bool:
    now = time.monotonic()
    if rule.tokens < 0:
        rule.tokens = rule.burst
    else:
        rule.tokens = min(rule.burst, rule.tokens + (now - rule.filled_at) * rule.rate)
    rule.filled_at = now
    if rule.tokens < 1:
        return False
    rule.tokens -= 1
    return True


class TrailRate:
    """CloudTrail's rate limit of two calls a second for an account, by the machine's clock: the client really has to
    wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[float] = deque(maxlen=2)

    def take(self) -> bool:
        """Return whether the limit allows one more call now."""
        with self._lock:
            now = time.monotonic()
            if len(self._calls) == 2 and now - self._calls[0] < 1:
                return False
            self._calls.append(now)
            return True
