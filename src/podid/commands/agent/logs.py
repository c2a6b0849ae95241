"""podid agent logs."""

from typing import Annotated

import typer

from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.kube.reader import KubeReader

    return CommandRights.of(
        KubeReader.list_nodes, KubeReader.list_agent_daemon_sets, KubeReader.list_agent_pods, KubeReader.read_log
    )


@command(shared=(*CLUSTER, *KUBERNETES), rights=rights)
def logs(
    access: Access,
    terminal: Terminal,
    options: Shared,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="How far back, such as 10m or 24h.")] = "1h",
    node: Annotated[
        list[str] | None, typer.Option("--node", metavar="NODE", help="Only this node's agent. Repeatable.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="The lines themselves, control characters made visible.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Lines as they come, until Ctrl-C or --timeout; without --raw, failures.")
    ] = False,
) -> None:
    """Sort the agents' logs into failure modes.

    With counts, first and last time, nodes and the pods that asked; what looks like a failure and is none is named as
    noise. Exit 3 when a failure was seen, 9 when none was and a log could not be read.

    Example: podid agent logs --since 24h
    """
    from datetime import timedelta

    from podid.cli.options import parse_duration
    from podid.domain.errors import Again, UsageError
    from podid.ops.agent import logs as ops
    from podid.render import agent_logs as render
    from podid.render.formats import Format

    span, nodes = timedelta(seconds=parse_duration(since)), tuple(node or ())
    if follow and options.output not in (Format.TABLE, Format.WIDE, Format.JSONL):
        raise UsageError(
            f"--follow has no end, so -o {options.output} has no document; -o jsonl gives an object a line",
            hint=Again(swap=(str(options.output), "jsonl")),
        )
    if follow:
        access.take_time()
    place = access.place()
    if not (raw or follow):
        with terminal.working(f"reading the agents' logs of {place.cluster_name}"):
            found = ops.read_logs(access.clients, place, nodes=nodes, since=span)
        terminal.emit(render.agent_logs_view(found))
        for note in render.notes(found):
            terminal.note(note)
        terminal.leave(found.exit_code)
        return
    if follow:
        patience = access.patience(ops.FOLLOW_SECONDS)
        lines = ops.follow(access.clients, place, patience, nodes=nodes, since=span)
    else:
        lines = ops.each_line(access.clients, place, nodes=nodes, since=span)
    told = lines if raw else (line for line in lines if ops.mode_of_line(line.line) is not None)
    if options.output is Format.JSONL:
        terminal.stream(map(render.line_item, told))
    elif options.output in (Format.TABLE, Format.WIDE) and options.query is None:
        terminal.stream_lines(map(render.raw_line if raw else render.triaged_line, told))
    else:
        terminal.emit(render.line_list_view(place.cluster_name, list(told)))
