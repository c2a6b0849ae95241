"""`python -m podid.sandbox.serve`: the sandbox as a process of its own, started by process.start.

Reads its nonce from stdin, writes the state file once it listens, and ends on SIGTERM or on the admin command `stop`.
"""

import argparse
import errno
import os
import signal
import sys
import threading
import time
from pathlib import Path

PORT_TAKEN = 75


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 after a stop, PORT_TAKEN when the port was taken."""
    options = _parse(arguments)
    nonce = sys.stdin.read().strip()
    os.umask(0o077)
    from podid.sandbox import state
    from podid.sandbox.box import KubernetesFactory, Sandbox

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    factory: KubernetesFactory | None = None
    if not options.no_kubernetes:
        from podid.sandbox.kubernetes import factory_in

        factory = factory_in(options.directory)
    box = Sandbox(
        cluster_name=options.cluster,
        region=options.region,
        port=options.port,
        samples=options.samples,
        nonce=nonce,
        kubernetes=factory,
        on_stop=ended.set,
    )
    try:
        box.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return PORT_TAKEN
        raise
    try:
        exported = box.env()
        state.write(
            options.directory,
            state.SandboxState(
                pid=os.getpid(),
                port=int(box.endpoint_url.rsplit(":", 1)[-1]),
                nonce=box.nonce,
                access_key_id=box.admin_key.access_key_id,
                secret_access_key=box.admin_key.secret_access_key,
                region=options.region,
                account=box.world.account,
                cluster=options.cluster,
                kubeconfig=exported.get("KUBECONFIG", ""),
                started_at=time.time(),
            ),
        )
        ended.wait()
    finally:
        # The answer to `stop` is still on its way out.
        time.sleep(0.05)
        box.stop()
        state.remove_own(options.directory, box.nonce)
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="podid.sandbox.serve")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cluster", default="demo")
    parser.add_argument("--region", default="us-west-2")
    parser.add_argument("--samples", action="store_true")
    parser.add_argument("--no-kubernetes", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
