"""What is going on, on stderr: one live line on a terminal, one line per change of state in a log."""

import threading

from podid.cli.runtime import Runtime
from podid.render import sanitize

_BAR = 20


class Progress:
    """Call `update` with each state; `done` wipes the live line. Says nothing at all with --quiet."""

    def __init__(self, runtime: Runtime, *, quiet: bool) -> None:
        self._runtime = runtime
        self._quiet = quiet
        self._last = ""
        self._live = runtime.streams.stderr_tty and runtime.env.get("TERM") != "dumb"
        self._shown = False
        self._lock = threading.Lock()

    def glance(self, state: str) -> None:
        """What is being read at the moment: worth a live line, not worth a line in a log."""
        if self._live:
            self.update(state)

    def update(self, state: str) -> None:
        state = sanitize.line(state)
        with self._lock:  # steps that run at once may each have something to say
            self._update(state)

    def _update(self, state: str) -> None:
        if self._quiet or state == self._last:
            return
        self._last = state
        if self._live:
            width = self._runtime.width - 3
            self._write(f"\r\x1b[2K… {state if len(state) <= width else state[: width - 1] + '…'}")
            self._shown = True
        else:
            self._write(f"{state}\n")

    def count(self, number: int, total: int, step: str) -> None:
        """How far many steps are: a bar on a terminal, a line for each in a log."""
        self._runtime.counted = (number, total)
        if not self._live:
            self.update(f"{step} ({number} of {total})")
            return
        filled = _BAR * number // max(total, 1)
        self.update(f"{'━' * filled}{'─' * (_BAR - filled)} {number} of {total}  {step}")

    def done(self) -> None:
        if self._shown:
            self._write("\r\x1b[2K")
            self._shown = False
        self._last = ""

    def _write(self, text: str) -> None:
        stderr = self._runtime.streams.stderr
        try:
            stderr.write(text)
            stderr.flush()
        except (OSError, ValueError):
            self._quiet = True  # nobody watches any more; the work goes on
