"""The signature of a presigned GET: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, quote


def presigned_signature(url: SplitResult, headers: Mapping[str, str], secret: str) -> str:
    """What X-Amz-Signature must be, if `headers` were what was signed (lower-case names)."""
    query = [pair for pair in parse_qsl(url.query, keep_blank_values=True) if pair[0] != "X-Amz-Signature"]
    values = dict(query)
    names = values.get("X-Amz-SignedHeaders", "").split(";")
    canonical = "\n".join(
        [
            "GET",
            url.path or "/",
            "&".join(f"{quote(key, safe='-_.~')}={quote(value, safe='-_.~')}" for key, value in sorted(query)),
            *(f"{name}:{headers.get(name, '')}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(b"").hexdigest(),
        ]
    )
    scope = values.get("X-Amz-Credential", "").split("/", 1)[-1]
    to_sign = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            values.get("X-Amz-Date", ""),
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.new(key, to_sign.encode(), "sha256").hexdigest()
