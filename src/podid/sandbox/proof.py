"""How a sandbox is known again: the paths and headers of the admin channel, without anything heavy to import."""

import hashlib
import hmac

PREFIX = "/_podid/"
HELLO = f"{PREFIX}hello"
COMMAND = f"{PREFIX}command"
NONCE_HEADER = "x-podid-nonce"


def proof(nonce: str, challenge: str) -> str:
    """What only a holder of `nonce` can answer to `challenge`, hexadecimal."""
    return hmac.new(nonce.encode(), challenge.encode(), hashlib.sha256).hexdigest()
