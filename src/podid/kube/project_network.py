"""From network policies in the API's JSON to what they say of egress. Pure, as `podid.kube.project`."""

from podid.domain.foreign import (
    Object,
    inner,
    inner_or_empty,
    inners_or_none,
    number_or,
    pairs,
    text_or,
    texts_or_none,
    words_or_none,
)
from podid.domain.network import (
    AGENT_PORT,
    Block,
    CiliumPolicy,
    EgressRule,
    Expression,
    NetworkPolicy,
    Ports,
    Selector,
)
from podid.domain.webhook import WebhookRegistration

_TO_NODE = frozenset({"host", "all"})


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
    for each in inners_or_none(item, "webhooks"):
        return WebhookRegistration(
            url=text_or(inner_or_empty(each, "clientConfig"), "url"),
            on_create=any(_on_create(rule) for rule in inners_or_none(each, "rules")),
            versions=texts_or_none(each, "admissionReviewVersions"),
            namespaces=_selector(inner_or_empty(each, "namespaceSelector")),
            objects=_selector(inner_or_empty(each, "objectSelector")),
        )
    return None


def _on_create(rule: Object) -> bool:
    wanted = (
        ("operations", ("CREATE",)),
        ("apiGroups", ("",)),
        ("apiVersions", ("v1",)),
        ("resources", ("pods", "*/*")),
    )
    return all(set(words_or_none(rule, member)) & {"*", *words} for member, words in wanted)


def _rule(rule: Object) -> EgressRule:
    peers = inners_or_none(rule, "to")
    blocks = [inner(peer, "ipBlock") for peer in peers if peer.get("ipBlock") is not None]
    return EgressRule(
        anywhere=not peers,
        blocks=tuple(Block(text_or(block, "cidr"), texts_or_none(block, "except")) for block in blocks),
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
        tuple(Expression(text_or(r, "key"), text_or(r, "operator"), words_or_none(r, "values")) for r in requirements),
    )


def cilium_policies(item: Object) -> tuple[CiliumPolicy, ...]:
    """One for `spec` and for each of `specs` that has egress rules (cilium.io/v2)."""
    metadata = inner(item, "metadata")
    specs = [*([inner(item, "spec")] if item.get("spec") is not None else []), *inners_or_none(item, "specs")]
    return tuple(
        CiliumPolicy(
            namespace=text_or(metadata, "namespace"),
            name=text_or(metadata, "name"),
            selector=_cilium_selector(inner_or_empty(spec, "endpointSelector")),
            to_host=any(_reaches_node(rule) for rule in inners_or_none(spec, "egress")),
        )
        for spec in specs
        if spec.get("egress") is not None
    )


def _cilium_selector(selector: Object) -> Selector:
    """Cilium puts the source of a label in front of it: `k8s:app`, `any:app`."""
    plain = _selector(selector)
    return Selector(
        {_label(key): value for key, value in plain.labels.items()},
        tuple(Expression(_label(r.key), r.operator, r.values) for r in plain.requirements),
    )


def _label(key: str) -> str:
    return key.removeprefix("k8s:").removeprefix("any:")


def _reaches_node(rule: Object) -> bool:
    ports = [port for entry in inners_or_none(rule, "toPorts") for port in inners_or_none(entry, "ports")]
    open_port = not ports or any(
        text_or(port, "port") in ("0", str(AGENT_PORT)) and text_or(port, "protocol") in ("", "ANY", "TCP")
        for port in ports
    )
    return open_port and bool(_TO_NODE & set(texts_or_none(rule, "toEntities")))
