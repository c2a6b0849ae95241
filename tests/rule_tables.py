"""What holds for every table of error rules."""

import itertools
from collections.abc import Collection, Iterator

from podid.domain.refusals import ErrorRule, Refusal


def ties(rules: Collection[ErrorRule]) -> list[tuple[str, str]]:
    """The pairs of rules that can fit one answer equally well, by their sentences: which is taken would be chance."""

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
    """Every answer that the rule spells out; `service` and `status` where it leaves them open."""
    for code, operation, each, fragment in itertools.product(
        rule.codes or ("Teapot",), rule.operations or ("Do",), rule.statuses or (status,), rule.fragments or ("",)
    ):
        yield Refusal(service=rule.service or service, operation=operation, code=code, text=fragment, status=each)
