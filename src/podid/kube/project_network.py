"""From network policies in the API's JSON to what they say of egress. Pure, as `podid.kube.project`."""

from podid.domain.admission import WebhookRegistration
from podid.domain.cluster import Requirement
from podid.domain.foreign import (
    Object,
    inner,
    inner_or_empty,
    inners_or_none,
    number_or,
    pairs,
    record,
    text_or,
    texts_or_none,
    words_or_none,
)
from podid.domain.network import (
    AGENT_PORT,
    Block,
    CiliumPolicy,
    EgressRule,
    NetworkPolicy,
    Ports,
    Selector,
)

# the entities that the node itself is one of: https://docs.cilium.io/en/stable/security/policy/layer3/
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


def network_policy(item: Object) -> NetworkPolicy:
    metadata, spec = inner(item, "metadata"), inner_or_empty(item, "spec")
    types = texts_or_none(spec, "policyTypes")
    return NetworkPolicy(
        namespace=text_or(metadata, "namespace"),
        name=text_or(metadata, "name"),
        selector=_selector(inner_or_empty(spec, "podSelector")),
        # without types, egress rules make it one (the API server fills them in)
        egress="Egress" in types or (not types and bool(spec.get("egress"))),
        rules=tuple(_rule(rule) for rule in inners_or_none(spec, "egress")),
    )


def webhook(item: Object) -> WebhookRegistration | None:
    """The first webhook of a MutatingWebhookConfiguration; None for one that has none."""
    for webhook in inners_or_none(item, "webhooks"):
        return WebhookRegistration(
            url=text_or(inner_or_empty(webhook, "clientConfig"), "url"),
            on_create=any(_on_create(rule) for rule in inners_or_none(webhook, "rules")),
            versions=texts_or_none(webhook, "admissionReviewVersions"),
            namespaces=_selector(inner_or_empty(webhook, "namespaceSelector")),
            objects=_selector(inner_or_empty(webhook, "objectSelector")),
        )
    return None


def _on_create(rule: Object) -> bool:
    members = (
        ("operations", ("CREATE",)),
        ("apiGroups", ("",)),
        ("apiVersions", ("v1",)),
        ("resources", ("pods", "*/*")),
    )
    return all(set(words_or_none(rule, member)) & {"*", *words} for member, words in members)


_block = record(Block, cidr="cidr?", excepted="except")


def _rule(rule: Object) -> EgressRule:
    peers = inners_or_none(rule, "to")
    return EgressRule(
        anywhere=not peers,
        blocks=tuple(_block(inner(peer, "ipBlock")) for peer in peers if peer.get("ipBlock") is not None),
        ports=tuple(_ports(port) for port in inners_or_none(rule, "ports")),
    )


def _ports(port: Object) -> Ports:
    named = isinstance(port.get("port"), str)
    return Ports(
        text_or(port, "protocol") or "TCP",
        None if named else number_or(port, "port"),
        number_or(port, "endPort"),
    )


def _selector(selector: Object) -> Selector:
    requirements = inners_or_none(selector, "matchExpressions")
    return Selector(
        pairs(selector, "matchLabels"),
        tuple(Requirement(text_or(r, "key"), text_or(r, "operator"), words_or_none(r, "values")) for r in requirements),
    )


def cilium_policies(item: Object) -> tuple[CiliumPolicy, ...]:
    """One for `spec` and for each of `specs` that is about what pods send (cilium.io/v2): one with a nodeSelector is
    about nodes, and one without rules says nothing."""
    metadata = inner(item, "metadata")
    specs = [*([inner(item, "spec")] if item.get("spec") is not None else []), *inners_or_none(item, "specs")]
    return tuple(
        _cilium_policy(spec, text_or(metadata, "namespace"), text_or(metadata, "name"))
        for spec in specs
        if spec.get("endpointSelector") is not None and (spec.get("egress") or spec.get("egressDeny"))
    )


def _cilium_policy(spec: Object, namespace: str, name: str) -> CiliumPolicy:
    to_host = any(map(_reaches_node, inners_or_none(spec, "egress")))
    return CiliumPolicy(
        namespace=namespace,
        name=name,
        selector=_cilium_selector(inner(spec, "endpointSelector"), lenient=to_host),
        to_host=to_host,
        isolates=inner_or_empty(spec, "enableDefaultDeny").get("egress") is not False,
        denies_host=any(map(_reaches_node, inners_or_none(spec, "egressDeny"))),
    )


def _cilium_selector(selector: Object, *, lenient: bool) -> Selector:
    """Cilium puts the source of a label in front of it: `k8s:app`, `any:app`. Labels of namespaces are not read:
    `lenient` takes what is asked of them for met."""
    plain = _selector(selector)
    labels = {_label(key): value for key, value in plain.labels.items()}
    requirements = tuple(Requirement(_label(r.key), r.operator, r.values) for r in plain.requirements)
    if lenient:
        labels = {key: value for key, value in labels.items() if not key.startswith(_OF_NAMESPACE)}
        requirements = tuple(
            requirement for requirement in requirements if not requirement.key.startswith(_OF_NAMESPACE)
        )
    return Selector(labels, requirements)


def _label(key: str) -> str:
    return key.removeprefix("k8s:").removeprefix("any:")


def _reaches_node(rule: Object) -> bool:
    ports = [port for entry in inners_or_none(rule, "toPorts") for port in inners_or_none(entry, "ports")]
    # a rule of ports alone is for every destination, one without anything for none
    everywhere = bool(ports) and all(rule.get(member) is None for member in _PEERS)
    to_node = everywhere or bool(_TO_NODE & set(texts_or_none(rule, "toEntities")))
    return to_node and (not ports or any(_cilium_ports(port).include(AGENT_PORT) for port in ports))


def _cilium_ports(port: Object) -> Ports:
    """A number is written as text; 0 is every port, and anything else a name."""
    number, protocol = text_or(port, "port"), text_or(port, "protocol")
    first = int(number) if number.isascii() and number.isdigit() else None
    return Ports("TCP" if protocol in ("", "ANY") else protocol, first, number_or(port, "endPort"))
