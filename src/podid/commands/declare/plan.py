"""podid plan."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.errors import UsageError
from podid.ops.declare.request import FilePlanOptions


@command(
    shared=(*CLUSTER, *KUBERNETES, "journal_dir", "take_over", "accept_unread"),
    needs="READING_FILES",
    optional=("STATUS",),
    several=("cluster",),
)
def plan(access: Access, options: FilePlanOptions) -> None:
    """Show the difference between files and live resources.

    A file declares roles and associations (apiVersion podid/v1, kind PodIdentity). The plan lists what podid apply
    would create, change and prune, field by field, and the associations that the file does not declare. The command
    only reads. Exit 0 without changes, 3 with changes, 6 with conflicts, 8 if annotations are ignored, 9 if something
    could not be read.

    Example: podid plan -f identities.yaml

    Example: podid plan -f identities/ --var TEAM=shop -o json

    Example: podid plan -f identities.yaml --prune --save plan.json
    """
    from podid.cli.plan_key import read_plan_key
    from podid.commands.declare.planning import planned, with_effects
    from podid.domain.fileplan import together
    from podid.ops.declare.saved import saved_text
    from podid.render.fileplan import file_plans_view

    file = access.terminal.file_to_write(options.save, force=options.force) if options.save else None
    key = read_plan_key(access, options.plan_key_file) if options.save else None
    files = with_effects(planned(access, options.files, options.ownership))
    code = together([item.exit_code for item in files.plans])
    access.terminal.emit(file_plans_view(files.plans))
    if file is not None:
        if any(item.conflicts or item.unread for item in files.plans):
            message = f"{options.save} was not written: the plan has conflicts, or something could not be read"
            access.terminal.tell_failure(UsageError(message, subject=options.save))
        else:
            file.write(saved_text(files.plans, access.runtime.now(), key).encode())
            access.terminal.note(*access.saved_lines(options.save, "apply"))
    access.terminal.leave(code)
