"""podid migrate plan."""

import json

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.option import option, options, switch
from podid.ops.migrate.request import ChangeOptions
from podid.ops.options import PLAN_KEY_FILE
from podid.render.formats import to_json


@options
class PlanOptions(ChangeOptions):
    save: str = option("FILE", "Write the plan to FILE too, for podid migrate apply --plan.")
    plan_key_file: str = PLAN_KEY_FILE
    force: bool = switch("Replace FILE if it exists.", consent=True)


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, "journal_dir"),
    needs="MIGRATION",
    optional=(
        ("--create-service-accounts: reading RoleBindings", "KubeReader.list_bindings"),
        "MIGRATION_TRAIL MANY_ROLES READING_ADDONS",
        ("--install-agent", "Eks.list_addon_versions KubeReader.list_agent_daemon_sets KubeReader.find_pod_security"),
    ),
)
def plan(access: Access, options: PlanOptions) -> None:
    """Plan a migration from IRSA, kiam or kube2iam.

    podid lists each service account whose pods get credentials from IRSA, kiam or kube2iam, with its role, its stage,
    its blockers and its remaining steps. kiam and kube2iam assign roles to pods, so podid lists a service account with
    several roles once for each role. The command only reads. podid migrate apply skips blocked service accounts. Exit 9
    if something could not be read.

    Example: podid migrate plan

    Example: podid migrate plan -n shop -o wide

    Example: podid migrate plan -n shop --save plan.json

    Example: podid migrate plan --from kube2iam --create-service-accounts
    """
    from podid.cli.plan_key import read_plan_key
    from podid.commands.migrate.reading import plan_agent, read
    from podid.ops.migrate.saved import saved_plan
    from podid.render.migration import migration_plan_view

    file = access.terminal.file_to_write(options.save, force=options.force) if options.save else None
    key = read_plan_key(access, options.plan_key_file) if options.save else None
    access.check_whose_pods(options.which.service_accounts, everywhere=True)
    place = access.place(for_change=True)
    first = plan_agent(access, place) if options.install_agent else None
    migration = read(access, place, options.which, create=options.create_service_accounts, first=first)
    result = migration.document()
    view = migration_plan_view(result, short=access.terminal.for_person)
    if file is not None:
        file.write(to_json(saved_plan(json.loads(to_json(view.document)), access.runtime.now(), key)).encode())
        access.terminal.note(*access.saved_lines(options.save, "migrate", "apply"))
    access.terminal.emit(view)
    access.terminal.leave(result.exit_code)
