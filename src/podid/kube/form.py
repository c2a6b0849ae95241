"""The form of every answer of an API server: an object of the kind and the API version in the path of the request.

A gateway or another service answers without them, and an empty object of it looks like one without settings.
"""

from collections.abc import Sequence

from podid.domain.foreign import Malformed, Object, inner_or_empty, text_or

_METADATA = ("meta.k8s.io/v1", "PartialObjectMetadataList")
# path or subresource -> its own API version and kind
_OWN = {
    "/apis": ("v1", "APIGroupList"),
    "token": ("authentication.k8s.io/v1", "TokenRequest"),
    "eviction": ("v1", "Status"),
}
# it has no kind
_VERSION = "/version"


def check_form(answer: Object, method: str, path: str, sent: Object) -> None:
    """Raise Malformed if the answer is not about the path, or the object that was `sent`."""
    if path == _VERSION:
        return
    version, place = _parts(path)
    plural, name, sub = (*place, "", "", "")[:3]
    actual = text_or(answer, "apiVersion"), text_or(answer, "kind")
    if own := _OWN.get(sub or path):
        expected = actual == own
    elif method == "GET" and not name:
        listed = actual[1].endswith("List") and _plural(actual[1].removesuffix("List")) == plural
        expected = actual == _METADATA or (actual[0] == version and listed)
    else:
        expected = (actual[0] == version and _plural(actual[1]) == plural) or (
            method == "DELETE" and actual == _OWN["eviction"]
        )
    if not expected:
        raise Malformed("its kind is not the requested one")
    if actual[1] == "Status":
        if text_or(answer, "status") != "Success":
            raise Malformed("its status is not Success")
    elif not sub:
        name = name or text_or(inner_or_empty(sent, "metadata"), "name")
        if name and text_or(inner_or_empty(answer, "metadata"), "name") != name:
            raise Malformed("its name is not the requested one")


def _parts(path: str) -> tuple[str, Sequence[str]]:
    """Return the API version of a path, and what follows the namespace: plural, name, subresource."""
    core, *parts = path.strip("/").split("/")
    group = [] if core == "api" else parts[:1]
    version, parts = "/".join([*group, *parts[len(group) : len(group) + 1]]), parts[len(group) + 1 :]
    return version, parts[2:] if parts[:1] == ["namespaces"] and len(parts) > 2 else parts


def _plural(kind: str) -> str:
    """Return the plural of a kind as Kubernetes derives it: apimachinery, UnsafeGuessKindToResource."""
    word = kind.lower()
    return f"{word}es" if word.endswith("s") else f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
