"""Faults on demand: what goes wrong between a client and what it calls, on either half.

A fault names the calls it meets by wildcards on service ("eks", "eks-auth", "iam", "sts", "ec2", "kubernetes") and
operation: "DescribePodIdentityAssociation", or for Kubernetes method, path and query: "GET */pods*". Faults add up; the
first that breaks a call wins.
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
    """One rule. `times` calls are met, all of them for None.

    latency: `seconds` before the call. throttle: more than `rate` calls a second (`burst` at once) are refused.
    fail: `status` instead of the call, on Kubernetes with `message` and `retry_after` seconds.
    reset: the connection is torn down before the call; lose-answer: after it.
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
    """The effect of the faults on one call; `breaks` is the fault that it does not survive."""

    seconds: float = 0.0
    breaks: Fault | None = None
    lose_answer: bool = False

    def before(self) -> None:
        """Wait; Disconnect when the call never arrives."""
        if self.seconds:  # even time.sleep(0) hands the processor to somebody else
            time.sleep(self.seconds)
        if self.breaks is not None and self.breaks.kind == "reset":
            raise Disconnect

    def after(self) -> None:
        """Disconnect when the call was carried out and nobody is to hear of it."""
        if self.lose_answer:
            raise Disconnect


class Faults:
    """The faults in place, and how often each operation was called. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self.calls: Counter[tuple[str, str]] = Counter()

    def add(self, fault: Fault) -> Fault:
        """Put a fault in place; ValueError for a kind that does not exist."""
        if fault.kind not in KINDS:
            raise ValueError(f"{fault.kind!r} is not one of {', '.join(KINDS)}")
        with self._lock:
            self._rules.append(fault)
        return fault

    def latency(self, seconds: float, service: str = "*", operation: str = "*") -> Fault:
        return self.add(Fault("latency", service, operation, seconds=seconds))

    def throttle(self, rate: float, burst: float = 1.0, service: str = "*", operation: str = "*") -> Fault:
        """`rate` calls a second after `burst` at once; the calls that match share one bucket."""
        return self.add(Fault("throttle", service, operation, rate=rate, burst=burst))

    def fail(self, service: str = "*", operation: str = "*", *, times: int | None = None, status: int = 503) -> Fault:
        return self.add(Fault("fail", service, operation, times=times, status=status))

    def reset(self, service: str = "*", operation: str = "*", *, times: int | None = None) -> Fault:
        return self.add(Fault("reset", service, operation, times=times))

    def lose_answer(self, service: str = "*", operation: str = "*", *, times: int | None = None) -> Fault:
        """Put a fault in place that loses the answer: the write happens, and the client gets no answer."""
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
        """Count the call and says what happens to it."""
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


class TwoASecond:
    """CloudTrail's rate limit for an account, by the machine's clock: the client has to wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[float] = deque(maxlen=2)

    def take(self) -> bool:
        """Return whether one more call is answered now."""
        with self._lock:
            now = time.monotonic()
            if len(self._calls) == 2 and now - self._calls[0] < 1:
                return False
            self._calls.append(now)
            return True
