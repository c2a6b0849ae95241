"""Label selectors, field selectors, and scheduling: node selector, required affinity, taints and host ports."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.objects import Obj, condition, get, labels, name, namespace
from podid.sandbox.kube.status import bad_request

Matcher = Callable[[Obj], bool]

_TOKEN = re.compile(r"\s*(==|!=|=|!|\(|\)|,|>|<|[^\s=!(),<>]+)")
_TERM = re.compile(r"(.*?)(!=|==|=)(.*)", re.DOTALL)
_SYMBOLS = frozenset({"==", "!=", "=", "!", "(", ")", ",", ">", "<"})


def everything(_: Obj) -> bool:
    return True


class _Tokens:
    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)

    def peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def take(self) -> str:
        return self._tokens.pop(0) if self._tokens else ""


def parse_labels(text: str) -> Matcher:
    """Return a `labelSelector` as a predicate. Raise the API server's 400 for an invalid one."""
    tokens = _Tokens(text)
    requirements: list[tuple[str, str, frozenset[str]]] = []
    while tokens.peek():
        requirements.append(_requirement(tokens))
        follow = tokens.take()
        if follow not in ("", ","):
            raise bad_request(f"found '{follow}', expected: ',' or 'end of string'")
        if follow == "," and not tokens.peek():
            raise bad_request("found '', expected: identifier after ','")
    return lambda obj: all(_holds(labels(obj), *requirement) for requirement in requirements)


def _requirement(tokens: _Tokens) -> tuple[str, str, frozenset[str]]:
    key = tokens.take()
    if key == "!":
        key = tokens.take()
        if not key or key in _SYMBOLS:
            raise bad_request(f"found '{key}', expected: identifier")
        return (key, "absent", frozenset())
    if key in _SYMBOLS:
        raise bad_request(f"found '{key}', expected: !, identifier, or 'end of string'")
    operator = tokens.peek()
    if operator in ("", ","):
        return (key, "exists", frozenset())
    tokens.take()
    if operator in ("=", "=="):
        return (key, "in", frozenset({_value(tokens)}))
    if operator == "!=":
        return (key, "notin", frozenset({_value(tokens)}))
    if operator in ("in", "notin"):
        return (key, operator, _values(tokens))
    raise bad_request(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")


def _value(tokens: _Tokens) -> str:
    if tokens.peek() in ("", ","):
        return ""
    value = tokens.take()
    if value in _SYMBOLS:
        raise bad_request(f"found '{value}', expected: identifier")
    return value


def _values(tokens: _Tokens) -> frozenset[str]:
    opening = tokens.take()
    if opening != "(":
        raise bad_request(f"found '{opening}' expected: '('")
    values = {""} if tokens.peek() == ")" else set()
    while (token := tokens.take()) != ")":
        if not token:
            raise bad_request("found '', expected: ',', ')' or identifier")
        if token != ",":
            values.add(token)
    return frozenset(values)


def _holds(label_map: dict[str, str], key: str, operator: str, values: frozenset[str]) -> bool:
    if operator == "exists":
        return key in label_map
    if operator == "absent":
        return key not in label_map
    if operator == "in":
        return label_map.get(key) in values
    return label_map.get(key) not in values


def parse_fields(kind: KubeKind, text: str) -> Matcher:
    """Return a `fieldSelector` as a predicate. Supports only the fields that Kubernetes indexes for the kind."""
    terms: list[tuple[str, bool, str]] = []
    for term in filter(None, text.split(",")):
        parsed = _TERM.fullmatch(term)
        if parsed is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        field, operator, value = parsed.groups()
        common = ("metadata.name", "metadata.namespace") if kind.namespaced else ("metadata.name",)
        if field not in common + kind.fields:
            if kind.fields:
                raise bad_request(f"field label not supported: {field}")
            known = ", ".join(f'"{entry}"' for entry in common)
            raise bad_request(f'"{field}" is not a known field selector: only {known}')
        terms.append((field, operator != "!=", value))
    return lambda obj: all((_field(obj, field) == value) is expected for field, expected, value in terms)


def _field(obj: Obj, path: str) -> str:
    if path == "metadata.name":
        return name(obj)
    if path == "metadata.namespace":
        return namespace(obj)
    value: Any = get(obj, *path.split("."), default="")
    return str(value).lower() if isinstance(value, bool) else str(value)


def matches(selector: Obj | None, label_map: dict[str, str]) -> bool:
    """Return whether a `metav1.LabelSelector` matches: None matches nothing, an empty one everything."""
    if selector is None:
        return False
    if any(label_map.get(key) != value for key, value in get(selector, "matchLabels", default={}).items()):
        return False
    return expressions_match(get(selector, "matchExpressions", default=()), label_map)


def expressions_match(expressions: Iterable[Obj], label_map: dict[str, str]) -> bool:
    """Return whether all matchExpressions of a label selector or node affinity match."""
    return all(_expression_holds(entry, label_map) for entry in expressions)


def _expression_holds(entry: Obj, label_map: dict[str, str]) -> bool:
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}
    if entry["operator"] in operators:
        values = frozenset(entry.get("values") or ())
        return _holds(label_map, entry["key"], operators[entry["operator"]], values)
    value, bound = label_map.get(entry["key"]), entry["values"][0]
    if value is None:
        return False
    return int(value) > int(bound) if entry["operator"] == "Gt" else int(value) < int(bound)


def pick_node(pod: Obj, nodes: list[Obj], pods: list[Obj]) -> tuple[Obj | None, str]:
    """Return the eligible node with the fewest pods; if there is none, None and the scheduler's message."""
    refusals: dict[str, int] = {}
    eligible: list[Obj] = []
    for node in nodes:
        if why := _refusal(pod, node, pods):
            refusals[why] = refusals.get(why, 0) + 1
        else:
            eligible.append(node)
    if not eligible:
        reasons = ", ".join(f"{count} {why}" for why, count in sorted(refusals.items()))
        return None, f"0/{len(nodes)} nodes are available: {reasons or 'no nodes available to schedule pods'}."
    load = {name(node): 0 for node in eligible}
    for scheduled in pods:
        if (where := scheduled["spec"].get("nodeName")) in load:
            load[where] += 1
    return min(eligible, key=lambda node: (load[name(node)], name(node))), ""


def _refusal(pod: Obj, node: Obj, pods: list[Obj]) -> str:
    if not node_matches(pod["spec"], node):
        return "node(s) didn't match Pod's node affinity/selector"
    ready = condition(node, "Ready")
    if ready is not None and ready["status"] != "True" and not _tolerates_everything(pod["spec"]):
        return "node(s) were not ready"
    if get(node, "spec", "unschedulable", default=False) and not _tolerates_everything(pod["spec"]):
        return "node(s) were unschedulable"
    if any(not _tolerated(pod["spec"], taint) for taint in get(node, "spec", "taints", default=())):
        return "node(s) had untolerated taint(s)"
    host_ports = _host_ports(pod["spec"])
    on_node = [scheduled for scheduled in pods if scheduled["spec"].get("nodeName") == name(node)] if host_ports else []
    if any(host_ports & _host_ports(scheduled["spec"]) for scheduled in on_node):
        return "node(s) didn't have free ports for the requested pod ports"
    return ""


def node_matches(spec: Obj, node: Obj) -> bool:
    """Return whether nodeSelector and required node affinity of a pod spec match the node."""
    node_labels = labels(node)
    if any(node_labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    required = get(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term_matches(term, node) for term in required.get("nodeSelectorTerms") or ())


def _term_matches(term: Obj, node: Obj) -> bool:
    fields = {"metadata.name": name(node)}
    return expressions_match(term.get("matchExpressions") or (), labels(node)) and expressions_match(
        term.get("matchFields") or (), fields
    )


def tolerates_node(spec: Obj, node: Obj) -> bool:
    """Return whether the pod tolerates all taints of the node."""
    return all(_tolerated(spec, taint) for taint in get(node, "spec", "taints", default=()))


def _tolerates_everything(spec: Obj) -> bool:
    return any(entry.get("operator") == "Exists" and "key" not in entry for entry in spec.get("tolerations") or ())


def _tolerated(spec: Obj, taint: Obj) -> bool:
    if taint.get("effect") == "PreferNoSchedule":
        return True
    for entry in spec.get("tolerations") or ():
        if entry.get("effect") not in (None, "", taint.get("effect")):
            continue
        if entry.get("operator") == "Exists" and entry.get("key") in (None, "", taint["key"]):
            return True
        if entry.get("key") == taint["key"] and entry.get("value", "") == taint.get("value", ""):
            return True
    return False


def _host_ports(spec: Obj) -> set[int]:
    return {
        int(port["hostPort"])
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("hostPort")
    }
