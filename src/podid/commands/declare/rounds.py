"""The rounds of `podid reconcile`, the signals that end them, and the manifests that run them in a cluster."""

from __future__ import annotations

import re
import secrets
import signal
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from podid.cli.access import Access
from podid.domain.errors import ExitCode, PodidError
from podid.domain.option import given_options
from podid.domain.reconciliation import Reconciliation
from podid.version import VERSION

if TYPE_CHECKING:
    from podid.cli.changing import Change
    from podid.domain.fileplan import FilePlan
    from podid.ops.declare.reconcile import Election
    from podid.ops.declare.request import ReconcileOptions


def rounds(access: Access, options: ReconcileOptions) -> Generator[Reconciliation]:
    """Yield the rounds without an end. Raise the error of files that cannot be read at the start."""
    from podid.local.servers import Telemetry
    from podid.ops.declare.files import read_files
    from podid.ops.declare.reconcile import Reconciler

    access.take_time()
    declarations = read_files(options.files, read_file=access.terminal.read_file)
    with ExitStack() as stack:
        election = _election(access, options, declarations[0].name)
        reconciler = Reconciler(
            compare=partial(compare, access, options),
            interval=options.interval,
            election=election,
            now=access.runtime.now,
            monotonic=access.runtime.monotonic,
            sleep=access.runtime.sleep,
        )
        if options.listen:
            host, _, port = options.listen.rpartition(":")
            try:
                stack.enter_context(
                    Telemetry(host or "0.0.0.0", int(port), reconciler.metrics, lambda: reconciler.healthy)  # noqa: S104
                )
            except OSError as error:
                raise PodidError(f"--listen {options.listen}: {error.strerror}", subject=options.listen) from error
        try:
            yield from reconciler.rounds()
        finally:
            if election is not None:
                election.release()


def compare(access: Access, options: ReconcileOptions) -> Reconciliation:
    """Carry out one round: plan the files, and with --apply make the changes."""
    from podid.commands.declare.filing import planned
    from podid.ops.declare.reconcile import can_apply, reconciled

    at, started = access.runtime.now(), access.runtime.monotonic()
    filed = planned(access, options.files, options.ownership, settle=options.applies)
    applies = options.applies and can_apply(filed.plans)
    codes = {_applied(change, plan) for _, change, plan in filed.parts} if applies else set[ExitCode]()
    return reconciled(filed.plans, codes, at, access.runtime.monotonic() - started)


def _applied(change: Change, plan: FilePlan) -> ExitCode:
    """Apply the plan and return the exit code. The result is in the journal."""
    from podid.commands.declare.apply import apply_part

    try:
        return change.access.terminal.collected(partial(apply_part, change, plan, follow=False))[1]
    finally:
        change.access.runtime.end_runs()


def _election(access: Access, options: ReconcileOptions, name: str) -> Election | None:
    """Return the candidacy for the Lease; None outside of a cluster without --lease."""
    from podid.local.files import own_namespace
    from podid.ops.declare.reconcile import LEASE_SECONDS, Election

    namespace = options.lease or own_namespace()
    if not namespace:
        return None
    access.place()
    return Election(
        reader=access.kube.reader,
        writer=access.kube.writer,
        namespace=namespace,
        name=_object_name(name),
        holder=f"{socket.gethostname()}_{secrets.token_hex(4)}",
        seconds=LEASE_SECONDS,
        now=access.runtime.now,
        monotonic=access.runtime.monotonic,
    )


@contextmanager
def until_terminated() -> Iterator[None]:
    """End the block in order on SIGTERM, which interrupts it like Ctrl-C."""
    terminated = False

    def terminate(*_: object) -> None:
        nonlocal terminated
        terminated = True
        raise KeyboardInterrupt

    # tests run commands in other threads
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, terminate) if main else None
    try:
        yield
    except KeyboardInterrupt:
        if not terminated:
            raise
    finally:
        if main:
            signal.signal(signal.SIGTERM, before)


def print_manifests(access: Access, options: ReconcileOptions) -> None:
    """Print or write the manifests that run the command in a cluster."""
    from podid.cli.permissions import granted
    from podid.ops.declare.files import read_files
    from podid.ops.declare.manifests import MOUNT, Setting
    from podid.ops.declare.reconcile import FileNeeds
    from podid.render.declaration import declarations_text, self_contained
    from podid.render.reconcile import files_of, manifests_view

    place, terminal = access.place(), access.terminal
    declarations = read_files(options.files, read_file=terminal.read_file)
    setting = Setting(
        name=_object_name(declarations[0].name),
        namespace=options.lease or "podid",
        image=options.image or f"ghcr.io/podid/podid:{VERSION}",
        cluster_arn=place.the_cluster.arn,
        # variables have their values in it, and policy files are part of it
        files={"identities.yaml": declarations_text(map(self_contained, declarations))},
        words=(
            *("reconcile", f"--file={MOUNT}", *(["--apply"] if options.applies else ())),
            *given_options(options.ownership),
            *(["--take-over"] if access.shared.take_over else ()),
            *(["--yes"] if options.applies and options.ownership.prune else ()),
        ),
    )
    view = manifests_view(setting, *granted(options, FileNeeds.of(declarations)), options.interval)
    if not options.write:
        terminal.emit(view)
        return
    for name, text in files_of(view):
        file = terminal.file_in(options.write, name, force=options.force)
        file.write(text.encode())
        terminal.note(f"Saved to {file.name}")


def _object_name(name: str) -> str:
    """Return the name of the Lease and of the other objects, as Kubernetes allows it."""
    return f"podid-reconcile-{re.sub('[^a-z0-9-]', '-', name.lower())}"[:52].rstrip("-")
