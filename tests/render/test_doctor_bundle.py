"""The contents of a bundle."""

import json

from checks.builder import healthy
from podid.ops.doctor.bundle import redact
from podid.render.doctor import bundle_view
from podid.render.formats import to_json
from render.shown import texts


def test_each_file_with_its_size_and_its_contents() -> None:
    files = {"snapshot.json": "é", "versions.json": "{}"}
    view = bundle_view("b.tar.gz", files, ["session policies", "tags"], redact(healthy()))
    assert texts(view.lines) == [
        "  snapshot.json  2 bytes: the data that was read, for podid doctor --from",
        "  versions.json  2 bytes: versions of podid, Python and the operating system",
        "Contents:",
        "  session policies",
        "  tags",
        "Redacted: 2 accounts, 0 external ids",
    ]
    body = json.loads(to_json(view.document))
    assert (body["file"], [item["bytes"] for item in body["items"]]) == ("b.tar.gz", [2, 2])
    assert body["redacted"] == {"accounts": 2, "externalIds": 0}  # the second is that of a registry
