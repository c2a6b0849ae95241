"""podid diff."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.ops.declare.request import FileDiffOptions


@command(shared=(*CLUSTER, *KUBERNETES, "journal_dir", "take_over"), needs="READING_FILES", several=("cluster",))
def diff(access: Access, options: FileDiffOptions) -> None:
    """Show a unified diff between live resources and files.

    The diff has one part for each resource that podid apply would change. Exit 0 without differences, 3 with
    differences, 6 with conflicts, 8 if annotations are ignored, 9 if something could not be read.

    Example: podid diff -f identities.yaml

    Example: podid diff -f identities/ --prune
    """
    from podid.commands.declare.planning import planned
    from podid.domain.fileplan import together
    from podid.render.fileplan import diff_view

    files = planned(access, options.files, options.ownership)
    access.terminal.emit(diff_view(files.plans))
    access.terminal.leave(together([item.exit_code for item in files.plans]))
