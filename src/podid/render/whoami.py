"""Who calls, and where commands would work."""

from typing import TYPE_CHECKING

from podid.domain.plan import WhoAndWhere
from podid.render.associations import facts
from podid.render.view import View, document

if TYPE_CHECKING:
    from podid.render.documents.tool import WhoAmIDocument


def whoami_view(found: WhoAndWhere) -> View:
    body: WhoAmIDocument = {
        "kind": "WhoAmI",
        "callerArn": found.caller_arn,
        "account": found.account,
        "credentialsSource": found.credentials_source,
        "region": found.region,
        "regionSource": found.region_source,
        "cluster": found.cluster or None,
        "clusterSource": found.cluster_source or None,
        "context": found.context or None,
        "kubeconfig": list(found.kubeconfig),
    }
    pairs = [
        ("caller", found.caller_arn),
        ("account", f"{found.account}  ({found.credentials_source})"),
        ("region", f"{found.region}  ({found.region_source})"),
        ("cluster", f"{found.cluster}  ({found.cluster_source})" if found.cluster else f"none: {found.no_cluster}"),
        ("context", found.context or "none"),
        ("kubeconfig", ", ".join(found.kubeconfig) or "none"),
    ]
    return View(document(body), lines=tuple(facts(pairs)), names=(found.caller_arn,))
