"""Answers of explain."""

from podid.domain.errors import NotFound
from podid.ops.errortext import Certainty
from podid.ops.explain import explain


def answer(text: str) -> tuple[str, Certainty]:
    """Return the first failure mode and how certain it is; "" and possible for an unknown text."""
    try:
        explanation = explain(text)
    except NotFound:
        return "", Certainty.POSSIBLE
    return explanation.matches[0].id, explanation.certainty
