"""Without session tags, a statement that compares a principal tag of EKS matches no pod, or every pod.

Source: EKS User Guide, "Grant Pods access to AWS resources based on tags".
"""

from podid.checks.base import Check, Missing, Snapshot, Verdicts, part, rule, short_list
from podid.domain.aws import UnreadAssociation
from podid.domain.iam import strings_in
from podid.domain.section import whole
from podid.domain.trust import TAG_KEYS

_PREFIX = "aws:principaltag/"


@rule(needs=("associations", "permission_policies"))
def policy_uses_disabled_session_tags(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, association in check.of_associations(snapshot):
        if isinstance(association, UnreadAssociation):
            yield case.unknown(association.unread)
        elif association.session_tags:
            yield case.ok("session tags are on")
        elif isinstance(policies := whole(part(snapshot.permission_policies, association.role_arn)), Missing):
            yield case.unknown(policies)
        elif uses := {name: keys for name, document in policies.value.items() if (keys := _keys(document))}:
            yield case.fail(
                "session tags are off, but policies of the role compare them: these conditions do not match as "
                "intended",
                *(f"policy {name} uses {short_list(keys)}" for name, keys in uses.items()),
            )
        else:
            yield case.ok("no policy of the role uses session tags")


def _keys(document: object) -> dict[str, None]:
    """Return the session tags of EKS that condition keys and policy variables of the document name."""
    texts = [text.lower() for text in strings_in(document)]
    named = (key for text in texts for key in TAG_KEYS if f"{_PREFIX}{key}" in text)
    return dict.fromkeys(f"aws:PrincipalTag/{key}" for key in named)
