"""Read a saved plan for podid apply --plan."""

from podid.cli.access import Access
from podid.cli.changing import Change
from podid.cli.plan_key import read_plan_key
from podid.commands.declare.planning import PlannedFiles
from podid.domain.plan import Consent
from podid.ops.change.requested import ADOPT, TAKE_OVER, UPDATE_TRUST
from podid.ops.declare.request import FileApplyOptions
from podid.ops.declare.saved import applicable, check_typed, read_saved


def saved_plans(access: Access, options: FileApplyOptions) -> tuple[PlannedFiles, tuple[str, ...]]:
    """Return the plans of a saved file, and the sentences on changes that require an answer. Raise as `read_saved` and
    `applicable` do."""
    name, ownership = options.plan, options.ownership
    key = read_plan_key(access, options.plan_key_file)
    saved = read_saved(access.terminal.read_file(name), name, key)
    flags = {ADOPT: ownership.adopt, UPDATE_TRUST: ownership.update_trust, TAKE_OVER: access.shared.take_over}
    chosen = frozenset(flag for flag, passed in flags.items() if passed)
    region = access.shared.region if access.sources.get("region") == "--region" else None
    check_typed(saved, access.typed_clusters, region or "")
    parts, grave = [], list[str]()
    for number, item in enumerate(saved.plans):
        header = item.header
        local = access.of(cluster=header.cluster, region=header.region)
        change = Change(local, local.place(for_change=True))
        change.settle()
        with access.terminal.working(f"comparing the state with {name}"):
            judged = applicable(saved, number, local.clients, change.place.header, chosen)
        grave += judged.grave
        parts.append((header.cluster, change, judged.plan))
    return PlannedFiles(tuple(parts)), tuple(dict.fromkeys(grave))


def saved_consent(name: str, grave: tuple[str, ...]) -> Consent | None:
    """Return the question about the grave changes of a saved plan; None without any."""
    if not grave:
        return None
    return Consent(question=f"Apply {name}?", needed_for="Applying an unsigned plan", word="apply", grave=grave)
