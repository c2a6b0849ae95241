"""The API's JSON of network policies and webhooks as domain values. Pure functions, as in `podid.kube.project`."""

from podid.domain import foreign, network
from podid.domain.cluster import Requirement
from podid.domain.workloads import WebhookRegistration

# the entities that include the node itself: https://docs.cilium.io/en/stable/security/policy/layer3/
_TO_NODE = frozenset({"host", "cluster", "all"})
_PEERS = (
    "toEndpoints",
    "toCIDR",
    "toCIDRSet",
    "toEntities",
    "toServices",
    "toGroups",
    "toFQDNs",
    "toNodes",
    "toRequires",
)
_OF_NAMESPACE = "io.cilium.k8s.namespace.labels."


def network_policy(item: foreign.Object) -> network.NetworkPolicy:
    metadata, spec = foreign.inner(item, "metadata"), foreign.inner_or_empty(item, "spec")
    types = foreign.texts_or_none(spec, "policyTypes")
    return network.NetworkPolicy(
        namespace=foreign.text_or(metadata, "namespace"),
        name=foreign.text_or(metadata, "name"),
        selector=_selector(foreign.inner_or_empty(spec, "podSelector")),
        # without types, egress rules imply Egress (the API server sets the types)
        egress="Egress" in types or (not types and bool(spec.get("egress"))),
        rules=tuple(_rule(rule) for rule in foreign.inners_or_none(spec, "egress")),
    )


def webhook(item: foreign.Object) -> WebhookRegistration | None:
    """Return the webhook of a MutatingWebhookConfiguration that is called for new pods, else the first one; None
    without any."""
    listed = [_registration(webhook) for webhook in foreign.inners_or_none(item, "webhooks")]
    return next((webhook for webhook in listed if webhook.on_create), next(iter(listed), None))


def _registration(webhook: foreign.Object) -> WebhookRegistration:
    return WebhookRegistration(
        url=foreign.text_or(foreign.inner_or_empty(webhook, "clientConfig"), "url"),
        on_create=any(_on_create(rule) for rule in foreign.inners_or_none(webhook, "rules")),
        versions=foreign.texts_or_none(webhook, "admissionReviewVersions"),
        namespaces=_selector(foreign.inner_or_empty(webhook, "namespaceSelector")),
        objects=_selector(foreign.inner_or_empty(webhook, "objectSelector")),
        conditions=bool(foreign.inners_or_none(webhook, "matchConditions")),
    )


def _on_create(rule: foreign.Object) -> bool:
    members = (
        ("operations", ("CREATE",)),
        ("apiGroups", ("",)),
        ("apiVersions", ("v1",)),
        ("resources", ("pods", "pods/*", "*/*")),
    )
    return all(set(foreign.words_or_none(rule, member)) & {"*", *words} for member, words in members)


_block = foreign.record(network.Block, cidr="cidr?", excepted="except")


def _rule(rule: foreign.Object) -> network.EgressRule:
    peers = foreign.inners_or_none(rule, "to")
    return network.EgressRule(
        anywhere=not peers,
        blocks=tuple(_block(foreign.inner(peer, "ipBlock")) for peer in peers if peer.get("ipBlock") is not None),
        ports=tuple(_ports(port) for port in foreign.inners_or_none(rule, "ports")),
    )


def _ports(port: foreign.Object) -> network.Ports:
    named = isinstance(port.get("port"), str)
    return network.Ports(
        foreign.text_or(port, "protocol") or "TCP",
        None if named else foreign.number_or(port, "port"),
        foreign.number_or(port, "endPort"),
    )


def _selector(selector: foreign.Object) -> network.Selector:
    requirements = foreign.inners_or_none(selector, "matchExpressions")
    return network.Selector(
        foreign.pairs(selector, "matchLabels"),
        tuple(
            Requirement(foreign.text_or(r, "key"), foreign.text_or(r, "operator"), foreign.words_or_none(r, "values"))
            for r in requirements
        ),
    )


def cilium_policies(item: foreign.Object) -> tuple[network.CiliumPolicy, ...]:
    """Return a policy for `spec` and for each of `specs` that is about egress of pods (cilium.io/v2). Policies with a
    nodeSelector are about nodes, and policies without rules have no effect."""
    metadata = foreign.inner(item, "metadata")
    specs = [
        *([foreign.inner(item, "spec")] if item.get("spec") is not None else []),
        *foreign.inners_or_none(item, "specs"),
    ]
    return tuple(
        _cilium_policy(spec, foreign.text_or(metadata, "namespace"), foreign.text_or(metadata, "name"))
        for spec in specs
        if spec.get("endpointSelector") is not None and (spec.get("egress") or spec.get("egressDeny"))
    )


def _cilium_policy(spec: foreign.Object, namespace: str, name: str) -> network.CiliumPolicy:
    to_host = any(map(_reaches_node, foreign.inners_or_none(spec, "egress")))
    return network.CiliumPolicy(
        namespace=namespace,
        name=name,
        selector=_cilium_selector(foreign.inner(spec, "endpointSelector"), lenient=to_host),
        to_host=to_host,
        isolates=foreign.inner_or_empty(spec, "enableDefaultDeny").get("egress") is not False,
        denies_host=any(map(_reaches_node, foreign.inners_or_none(spec, "egressDeny"))),
    )


def _cilium_selector(selector: foreign.Object, *, lenient: bool) -> network.Selector:
    """Return the selector without Cilium's prefixes for the source of a label: `k8s:app`, `any:app`. Labels of
    namespaces are not read: `lenient` treats requirements on them as met."""
    plain = _selector(selector)
    labels = {_label(key): value for key, value in plain.labels.items()}
    requirements = tuple(Requirement(_label(r.key), r.operator, r.values) for r in plain.requirements)
    if lenient:
        labels = {key: value for key, value in labels.items() if not key.startswith(_OF_NAMESPACE)}
        requirements = tuple(r for r in requirements if not r.key.startswith(_OF_NAMESPACE))
    return network.Selector(labels, requirements)


def _label(key: str) -> str:
    return key.removeprefix("k8s:").removeprefix("any:")


def _reaches_node(rule: foreign.Object) -> bool:
    ports = [
        port for entry in foreign.inners_or_none(rule, "toPorts") for port in foreign.inners_or_none(entry, "ports")
    ]
    # a rule with ports only is for every destination, an empty one for none
    everywhere = bool(ports) and all(rule.get(member) is None for member in _PEERS)
    to_node = everywhere or bool(_TO_NODE & set(foreign.texts_or_none(rule, "toEntities")))
    return to_node and (not ports or any(_cilium_ports(port).include(network.AGENT_PORT) for port in ports))


def _cilium_ports(port: foreign.Object) -> network.Ports:
    """Return the ports: numbers are text, 0 is every port, and any other text is a name."""
    number, protocol = foreign.text_or(port, "port"), foreign.text_or(port, "protocol")
    first = int(number) if number.isascii() and number.isdigit() else None
    return network.Ports("TCP" if protocol in ("", "ANY") else protocol, first, foreign.number_or(port, "endPort"))
