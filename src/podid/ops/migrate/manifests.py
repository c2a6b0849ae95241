"""The manifests of objects that another tool manages, as `podid migrate finish` would leave them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from podid.ops.migrate.proxy_changes import template_patch

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader
    from podid.ops.migrate.finish import Finish


def read_manifests(finish: Finish, reader: KubeReader) -> Mapping[str, tuple[str, Mapping[str, object]]]:
    """Return file name -> title and manifest. No name in Kubernetes contains an underscore, so no two objects have the
    same file."""
    manifests: dict[str, tuple[str, Mapping[str, object]]] = {}
    for template in finish.templates:
        workload = template.workload
        name = f"{workload.namespace}_{workload.kind.lower()}_{workload.name}.yaml"
        manifests[name] = (f"a patch of {template.subject}", template_patch(template))
    patched = {template.workload.ref for template in finish.templates}
    for ref in finish.owned.keys() - patched:
        title = f"the manifest of {ref} without the annotations"
        manifests[f"{ref.namespace}_{ref.name}.yaml"] = (title, reader.get_manifest(ref))
    return dict(sorted(manifests.items()))
