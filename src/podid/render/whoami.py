"""Who calls, and where commands would work."""

from podid.domain.plan import WhoAndWhere
from podid.render.view import View, document, facts


def whoami_view(found: WhoAndWhere) -> View:
    pairs = [
        ("caller", found.caller_arn),
        ("account", f"{found.account}  ({found.credentials_source})"),
        ("region", f"{found.region}  ({found.region_source})"),
        ("cluster", f"{found.cluster}  ({found.cluster_source})" if found.cluster else f"none: {found.no_cluster}"),
        ("context", found.context or "none"),
        ("kubeconfig", ", ".join(found.kubeconfig) or "none"),
    ]
    return View(document(WhoAndWhere, found), lines=tuple(facts(pairs)), names=(found.caller_arn,))
