"""podid agent logs."""

from datetime import timedelta

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.errors import Again, UsageError
from podid.domain.option import option, repeatable, seconds, switch
from podid.render.formats import Format


@command(
    shared=(*CLUSTER, *KUBERNETES),
    needs="KubeReader.list_nodes KubeReader.list_agent_daemon_sets KubeReader.list_agent_pods KubeReader.read_log",
)
def logs(
    access: Access,
    since: str = option("TIME", "Age of the oldest line, such as 10m or 24h.", default="1h"),
    node: tuple[str, ...] = repeatable("NODE", "Only the agent on this node."),
    raw: bool = switch("Print the log lines, with control characters escaped."),
    follow: bool = switch("Print new lines until Ctrl-C or --timeout; without --raw only failures."),
) -> None:
    """Classify the agents' logs into failure modes.

    podid reads at most the newest 5,000 lines of each log.

    Each failure mode is shown with its count, first and last time, nodes and requesting pods. Messages that look like a
    failure and are harmless are shown as noise. Exit 3 if there is a failure, 9 if there is none and a log could not be
    read.

    Example: podid agent logs --since 24h

    Example: podid agent logs --follow

    Example: podid agent logs --raw --since 10m
    """
    from podid.ops.agent import logs as ops
    from podid.render import agent_logs as render

    span = timedelta(seconds=seconds(since, "--since"))
    if follow:
        message = f"--follow and -o {access.shared.output} cannot be used together: pass -o jsonl for one object a line"
        refusal = UsageError(message, hint=Again(swap=(str(access.shared.output), "jsonl")))
        access.limit_output((Format.TABLE, Format.WIDE, Format.JSONL), refusal)
        access.take_time()
    place = access.place()
    if not (raw or follow):
        with access.terminal.working(f"reading the agents' logs of {place.cluster_name}"):
            logs = ops.read_logs(access.clients, place, nodes=node, since=span)
        access.terminal.emit(render.agent_logs_view(logs))
        access.terminal.leave(logs.exit_code)
        return
    if follow:
        patience = access.patience(ops.FOLLOW_SECONDS)
        lines = ops.follow(access.clients, place, patience, nodes=node, since=span)
    else:
        lines = ops.each_line(access.clients, place, nodes=node, since=span)
    shown = lines if raw else (line for line in lines if ops.mode_of_line(line.line) is not None)
    if access.shared.output is Format.JSONL:
        access.terminal.stream(map(render.line_item, shown))
    elif access.shared.output in (Format.TABLE, Format.WIDE) and access.shared.query is None:
        access.terminal.stream_lines(map(render.raw_line if raw else render.triaged_line, shown))
    else:
        access.terminal.emit(render.line_list_view(place.cluster_name, list(shown)))
