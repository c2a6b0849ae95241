"""`python -m podid.sandbox.serve`: the sandbox as a process of its own, started by process.start.

The process reads its options as JSON from stdin, because other users can read the arguments and environment of a
process. It writes the state file when it listens, and ends on SIGTERM or on the admin command `stop`.
"""

import errno
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

PORT_TAKEN = 75


def main() -> int:
    """Run until stopped. Exit with code 0, or with PORT_TAKEN if the port is taken."""
    options = json.load(sys.stdin)
    directory, kubernetes = Path(options.pop("directory")), options.pop("kubernetes")
    os.umask(0o077)
    from podid.sandbox import state
    from podid.sandbox.box import Sandbox
    from podid.sandbox.cluster import factory_in

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    box = Sandbox(**options, kubernetes=factory_in(directory) if kubernetes else None, on_stop=ended.set)
    try:
        box.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return PORT_TAKEN
        raise
    try:
        state.write(
            directory,
            state.SandboxState(
                pid=os.getpid(),
                port=int(box.endpoint_url.rsplit(":", 1)[-1]),
                nonce=box.nonce,
                account=box.world.account,
                region=box.world.region,
                cluster=box.world.cluster_name,
                environment=box.env(),
                started_at=time.time(),
                samples=options["samples"],
                migration=options["migration"],
            ),
        )
        ended.wait()
    finally:
        # The answer to `stop` is still being sent.
        time.sleep(0.05)
        box.stop()
        state.remove_own(directory, box.nonce)
    return 0


if __name__ == "__main__":
    sys.exit(main())
