"""Without session tags, a statement that compares a principal tag of EKS matches no pod, or every pod.

Source: EKS User Guide, "Grant Pods access to AWS resources based on tags".
"""

from podid.checks.base import Check, Missing, Snapshot, Verdicts, part, rule, short_list
from podid.domain.aws import UnreadAssociation
from podid.domain.section import whole
from podid.domain.trust import TAG_KEYS
from podid.facts.privileges import texts_of

_PREFIX = "aws:principaltag/"


@rule(needs=("associations", "permission_policies"))
def policy_uses_disabled_session_tags(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, association in check.of_associations(snapshot):
        if isinstance(association, UnreadAssociation):
            yield case.unknown(association.unread)
            continue
        if association.session_tags:
            yield case.ok("session tags are on")
            continue
        policies = whole(part(snapshot.permission_policies, association.role_arn))
        if isinstance(policies, Missing):
            yield case.unknown(policies)
            continue
        uses = {
            name: tuple(dict.fromkeys(key for text in texts_of(document) for key in _keys(text)))
            for name, document in policies.value.items()
        }
        if not any(uses.values()):
            yield case.ok("no policy of the role uses session tags")
            continue
        yield case.fail(
            "session tags are off, but policies of the role compare them: these conditions do not match as intended",
            evidence=tuple(f"policy {name} uses {short_list(keys)}" for name, keys in uses.items() if keys),
        )


def _keys(text: str) -> tuple[str, ...]:
    """Return the session tags of EKS that a condition key or a policy variable names."""
    lowered = text.lower()
    return tuple(f"aws:PrincipalTag/{key}" for key in TAG_KEYS if f"{_PREFIX}{key}" in lowered)
