"""Properties of every table of error rules."""

import itertools
from collections.abc import Collection, Iterator

from podid.domain.refusals import ErrorRule, Refusal


def ties(rules: Collection[ErrorRule]) -> list[tuple[str, str]]:
    """Return the pairs of rules that can match one answer equally well, by their sentences: the choice would be
    arbitrary."""

    def meet(one: Collection[object], other: Collection[object]) -> bool:
        return not one or not other or bool(set(one) & set(other))

    def can_tie(one: ErrorRule, other: ErrorRule) -> bool:
        lengths = [{len(fragment) for fragment in rule.fragments} for rule in (one, other)]
        return (
            one.shape == other.shape
            and one.service == other.service
            and meet(one.operations, other.operations)
            and meet(one.codes, other.codes)
            and meet(one.statuses, other.statuses)
            and meet(*lengths)
        )

    return [(one.sentence, other.sentence) for one, other in itertools.combinations(rules, 2) if can_tie(one, other)]


def instances(rule: ErrorRule, *, service: str = "", status: int = 0) -> Iterator[Refusal]:
    """Yield every answer that the rule matches; `service` and `status` are used if the rule has none."""
    for code, operation, code_status, fragment in itertools.product(
        rule.codes or ("Teapot",), rule.operations or ("Do",), rule.statuses or (status,), rule.fragments or ("",)
    ):
        yield Refusal(
            service=rule.service or service, operation=operation, code=code, text=fragment, status=code_status
        )
