"""The view of `podid schema`."""

import json

from podid.domain.declaration import DECLARATION_KIND
from podid.render.schema import schema_text, schema_view


def test_the_schema_of_declarations() -> None:
    view = schema_view()
    assert view.names == (DECLARATION_KIND,)
    assert view.document["schema"] == json.loads(schema_text(DECLARATION_KIND)) == json.loads(view.text)
