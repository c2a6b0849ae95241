"""Signatures of saved plans: HMAC-SHA-256 over the canonical JSON text of the whole document, with a key that only a
pipeline knows."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from podid.domain.errors import Conflict, UsageError

# the environment variable with the key
PLAN_KEY = "PODID_PLAN_KEY"
_MEMBER = "signature"


def canonical(value: object) -> bytes:
    """Return the value as JSON text that does not depend on the order of members or on white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _code(document: Mapping[str, Any], key: bytes) -> str:
    unsigned = {name: value for name, value in document.items() if name != _MEMBER}
    return hmac.new(key, canonical(unsigned), hashlib.sha256).hexdigest()


def signed(document: Mapping[str, Any], key: bytes | None) -> dict[str, Any]:
    """Return the document with its signature; unchanged without a key."""
    return {**document, _MEMBER: f"hmac-sha256:{_code(document, key)}"} if key is not None else dict(document)


def check_signature(document: Mapping[str, Any], key: bytes | None, name: str) -> bool:
    """Return whether the signature was checked: only with a key. Raise Conflict if it is missing or another one."""
    if key is None:
        return False
    signature = document.get(_MEMBER)
    if signature is None:
        raise Conflict(f"{name} is not signed", advice=_ADVICE, subject=name)
    expected = f"hmac-sha256:{_code(document, key)}"
    if not isinstance(signature, str) or not hmac.compare_digest(signature.encode(errors="replace"), expected.encode()):
        message = f"The signature of {name} does not match: another key signed it, or it was changed"
        raise Conflict(message, advice=_ADVICE, subject=name)
    return True


_ADVICE = f"Save the plan again with the same key ({PLAN_KEY} or --plan-key-file)."


def plan_key(text: str, source: str) -> bytes:
    """Return the key, without white space around it. Raise UsageError if nothing is left: a pipeline whose secret is
    not available must not apply unsigned plans."""
    if not (key := text.strip()):
        raise UsageError(f"The plan key in {source} is empty", advice="Specify the key, or unset it.", subject=source)
    return key.encode()
