"""What somebody who is to help needs, in one archive, without what is nobody's business."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from podid.domain.codec import from_plain, to_plain
from podid.domain.model import described
from podid.domain.snapshot import Snapshot, known_or

# where an account is told for certain: in an ARN; every other place that has it follows
_IN_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:([0-9]{12}):")
_TWELVE = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A snapshot with other accounts and external ids, the same for the same ones, so that every check finds in it what
    it found before."""

    snapshot: Snapshot
    accounts: int
    external_ids: int


def redact(snapshot: Snapshot) -> Redacted:
    """Pure."""
    whole = to_plain(snapshot)
    found = _IN_ARN.findall(json.dumps(whole))
    accounts = {account: f"{number:012}" for number, account in enumerate(dict.fromkeys(found), 1)}
    associations = described(known_or(snapshot.associations, ()))
    external = dict.fromkeys((*(item.external_id for item in associations if item.external_id), *_in_trusts(whole)))
    ids = {given: f"external-id-{number}" for number, given in enumerate(external, 1)}

    def text(value: str) -> str:
        return _TWELVE.sub(lambda match: accounts.get(match[0], match[0]), value)

    def redacted(value: Any) -> Any:
        if isinstance(value, dict):
            return {text(key): redacted(member) for key, member in value.items()}
        if isinstance(value, list):
            return [redacted(item) for item in value]
        return (ids.get(value) or text(value)) if isinstance(value, str) else value

    return Redacted(from_plain(Snapshot, redacted(whole), "snapshot"), len(accounts), len(ids))


def _in_trusts(value: Any) -> Iterator[str]:
    """The external ids that policies ask for, their own or not."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        if isinstance(key, str) and key.lower() == "sts:externalid":
            yield from (each for each in (member if isinstance(member, list) else [member]) if isinstance(each, str))
        else:
            yield from _in_trusts(member)


def archive(entries: Mapping[str, str], at: datetime) -> bytes:
    """A tar.gz of these files in a folder `podid-bundle`, the same for the same ones."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        for name, text in entries.items():
            data = text.encode()
            info = tarfile.TarInfo(f"podid-bundle/{name}")
            info.size, info.mtime, info.mode = len(data), int(at.timestamp()), 0o600
            tar.addfile(info, io.BytesIO(data))
    return whole.getvalue()
