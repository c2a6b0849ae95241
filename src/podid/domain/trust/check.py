"""Compare two policies; check one for several requests; find statements that one with a list can replace."""

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from podid.domain.findings import Severity
from podid.domain.grouping import grouped
from podid.domain.trust.build import policy_size, target_policy, too_long
from podid.domain.trust.conditions import Condition
from podid.domain.trust.edit import add, meaning
from podid.domain.trust.evaluate import Evaluation, TrustVerdict, combined, evaluate
from podid.domain.trust.explain import find_misspellings, with_actions_corrected
from podid.domain.trust.findings import TOO_BROAD, TrustFinding
from podid.domain.trust.policy import Policy, Statement, with_values
from podid.domain.trust.request import Request, TargetHop


def diff(old: Policy, new: Policy) -> str:
    """Return a unified diff of the two documents as indented JSON; empty if they are equal."""
    # not splitlines(), which also splits at U+2028 and U+0085 inside a string
    before, after = (json.dumps(p.document, indent=2, ensure_ascii=False).split("\n") for p in (old, new))
    return "\n".join(difflib.unified_diff(before, after, "trust policy now", "trust policy proposed", lineterm=""))


@dataclass(frozen=True, slots=True)
class TrustCheck:
    """The check of one policy for several requests.

    `proposed` also allows the requests that the policy does not allow; None if no change is needed or possible.
    `advice` are sentences about misspelled words, and about requests that the proposal does not cover.
    """

    evaluations: tuple[Evaluation, ...]
    verdict: TrustVerdict
    proposed: Policy | None
    diff: str
    advice: tuple[str, ...]

    @property
    def open_to_all(self) -> tuple[TrustFinding, ...]:
        """Return the errors that do not depend on the request: anyone can assume the role."""
        findings = (finding for evaluation in self.evaluations for finding in evaluation.findings)
        return tuple(dict.fromkeys(f for f in findings if f.id == TOO_BROAD and f.severity is Severity.ERROR))


_NO_EXTERNAL_ID = (
    "without session tags only the external id distinguishes the association from others of the same role: "
    "pass --external-id to require it in the statements"
)


def check(policy: Policy, requests: Sequence[Request]) -> TrustCheck:
    """Evaluate every request and propose the smallest addition that allows the requests with verdict no-match."""
    evaluations = tuple(evaluate(policy, request) for request in requests)
    proposed, advice = policy, [str(misspelling) for misspelling in find_misspellings(policy)]
    for evaluation in evaluations:
        if evaluation.verdict is not TrustVerdict.NO_MATCH:
            continue
        if isinstance(evaluation.request, TargetHop):
            document = json.dumps(target_policy(evaluation.request), ensure_ascii=False)
            advice.append(f"the owner of the target role can add the statements of {document}")
            if not evaluation.request.pod.session_tags and evaluation.request.external_id is None:
                advice.append(_NO_EXTERNAL_ID)
            continue
        for candidate in (proposed, with_actions_corrected(proposed)):
            if evaluate(candidate, evaluation.request).verdict is TrustVerdict.MATCH:
                proposed = candidate
                break
        else:
            edit = add(proposed, evaluation.request)
            proposed = edit.policy
            advice += [] if edit.changed else [edit.reason]
    changed = proposed is not policy
    advice += too_long(proposed) if changed else ()
    return TrustCheck(
        evaluations,
        combined(*(evaluation.verdict for evaluation in evaluations)),
        proposed if changed else None,
        diff(policy, proposed) if changed else "",
        tuple(dict.fromkeys(advice)),
    )


@dataclass(frozen=True, slots=True)
class Mergeable:
    """Statements that differ only in the values of the condition `key`, so that their union allows the same requests.
    `saved` is the number of characters that the merged statement saves."""

    statements: tuple[Statement, ...]
    key: str
    saved: int

    @property
    def words(self) -> str:
        labels = ", ".join(statement.label for statement in self.statements)
        return f"{labels} differ only in {self.key}: one statement with a list is {self.saved} characters shorter"


def mergeable(policy: Policy) -> tuple[Mergeable, ...]:
    """Return the groups of statements that can be merged, the largest saving first. A statement is in one group at
    most."""
    # any of the values is sufficient
    lists = ((s, c) for s in policy.statements for c in s.conditions if c.known and c.selects)
    groups = grouped((meaning(with_values(s.raw, c, [])), (s, c)) for s, c in lists)
    several = [_merged(policy, members) for members in groups.values() if len(members) > 1]
    chosen: list[Mergeable] = []
    for group in sorted(several, key=lambda group: -group.saved):
        taken = {statement.index for other in chosen for statement in other.statements}
        if group.saved > 0 and not taken & {statement.index for statement in group.statements}:
            chosen.append(group)
    return tuple(chosen)


def _merged(policy: Policy, members: Sequence[tuple[Statement, Condition]]) -> Mergeable:
    (first, condition), *_ = members
    values = list(dict.fromkeys(value for _, c in members for value in c.values))
    gone = {statement.index for statement, _ in members[1:]}
    raws = [
        with_values(first.raw, condition, values) if statement.index == first.index else statement.raw
        for statement in policy.statements
        if statement.index not in gone
    ]
    saved = policy_size(policy) - policy_size(policy.with_statements(raws))
    return Mergeable(tuple(statement for statement, _ in members), condition.key, saved)
