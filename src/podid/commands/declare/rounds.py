"""The rounds of `podid reconcile`."""

import secrets
import socket
from collections.abc import Generator
from contextlib import ExitStack
from functools import partial

from podid.cli.access import Access
from podid.cli.changing import Change
from podid.commands.declare.apply import apply_part
from podid.commands.declare.planning import planned
from podid.domain.errors import ExitCode, PodidError
from podid.domain.fileplan import FilePlan
from podid.local.files import own_namespace
from podid.local.servers import Telemetry
from podid.ops.declare.files import read_files
from podid.ops.declare.manifests import object_name
from podid.ops.declare.reconcile import LEASE_SECONDS, Election, Reconciler, Reconciliation, can_apply, reconciled
from podid.ops.declare.request import ReconcileOptions


def rounds(access: Access, options: ReconcileOptions) -> Generator[Reconciliation]:
    """Yield the rounds without an end. Raise the error of files that cannot be read at the start."""
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
                stack.enter_context(Telemetry(host, int(port), reconciler.metrics, lambda: reconciler.healthy))
            except OSError as error:
                raise PodidError(f"--listen {options.listen}: {error.strerror}", subject=options.listen) from error
        try:
            yield from reconciler.rounds()
        finally:
            if election is not None:
                election.release()


def compare(access: Access, options: ReconcileOptions) -> Reconciliation:
    """Carry out one round: plan the files, and with --apply make the changes."""
    at, started = access.runtime.now(), access.runtime.monotonic()
    files = planned(access, options.files, options.ownership, settle=options.applies)
    applies = options.applies and can_apply(files.plans)
    codes = {_applied(change, plan) for _, change, plan in files.parts} if applies else set[ExitCode]()
    return reconciled(files.plans, codes, at, access.runtime.monotonic() - started)


def _applied(change: Change, plan: FilePlan) -> ExitCode:
    """Apply the plan and return the exit code. The result is in the journal."""
    try:
        return change.access.terminal.collected(partial(apply_part, change, plan, follow=False))[1]
    finally:
        change.access.runtime.end_runs()


def _election(access: Access, options: ReconcileOptions, name: str) -> Election | None:
    """Return the candidacy for the Lease; None outside of a cluster without --lease."""
    namespace = options.lease or own_namespace()
    if not namespace:
        return None
    access.place()
    return Election(
        reader=access.kube.reader,
        writer=access.kube.writer,
        namespace=namespace,
        name=object_name(name),
        holder=f"{socket.gethostname()}_{secrets.token_hex(4)}",
        seconds=LEASE_SECONDS,
        now=access.runtime.now,
        monotonic=access.runtime.monotonic,
    )
