"""The view of `podid version`."""

from podid.ops.versions import Versions
from podid.render.view import NOTHING, View, document, facts


def versions_view(versions: Versions) -> View:
    pairs = (
        ("podid", versions.podid),
        ("Python", versions.python),
        ("platform", versions.platform),
        *((item.name, item.version or NOTHING) for item in versions.libraries),
        ("agent", f"{versions.agent_since} or newer has no known defect"),
        ("action table", f"of {versions.action_table}"),
        ("presets", f"of {versions.presets}"),
        ("failure modes", str(versions.failure_modes)),
    )
    return View(document(Versions, versions), lines=tuple(facts(pairs)), names=(versions.podid,), exact=True)
