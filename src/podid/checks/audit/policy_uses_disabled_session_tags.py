"""Without session tags, a statement that compares a principal tag of EKS matches no pod, or every pod.

Source: EKS User Guide, "Grant Pods access to AWS resources based on tags".
"""

import re
from collections.abc import Collection

from podid.checks.base import Check, Missing, Snapshot, Verdicts, known_or, part, rule, short_list
from podid.domain.aws import Association, UnreadAssociation
from podid.domain.iam import strings_in
from podid.domain.section import NOT_READ, whole
from podid.domain.trust import TAG_KEYS
from podid.facts.index import under

# a tag key may be the beginning of another one, and it ends with the text, or in a policy variable
_TAG = re.compile(rf"aws:principaltag/({'|'.join(TAG_KEYS)})(?=\s*(?:$|[,}}]))", re.IGNORECASE)


@rule(needs=("associations", "permission_policies"), wants=("roles", "target_roles", "target_policies"))
def policy_uses_disabled_session_tags(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, association in check.of_associations(snapshot):
        if isinstance(association, UnreadAssociation):
            yield case.unknown(association.unread)
        elif association.session_tags:
            yield case.ok("session tags are on")
        elif isinstance(uses := _uses(snapshot, association), Missing):
            yield case.unknown(uses)
        elif not uses:
            yield case.ok("no policy of the role uses session tags")
        else:
            yield case.fail(
                "session tags are off, but policies of the role compare them: these conditions do not match as "
                "intended",
                *(f"policy {name} uses {short_list(keys)}" for name, keys in uses.items()),
            )


def _uses(snapshot: Snapshot, association: Association) -> dict[str, dict[str, None]] | Missing:
    """Return policy -> session tags, of the role and of its target role, which gets the tags too."""
    uses: dict[str, dict[str, None]] = {}
    for arn, section, roles in (
        (association.role_arn, snapshot.permission_policies, snapshot.roles),
        (association.target_role_arn or "", snapshot.target_policies, snapshot.target_roles),
    ):
        policies = whole(part(section, arn)) if arn else NOT_READ
        if isinstance(policies, Missing):
            # a target role of another account is not read
            if policies == NOT_READ and arn != association.role_arn:
                continue
            return policies
        role = known_or(under(arn, part(roles, arn)), None)
        # a tag of the role itself is a principal tag of its sessions
        own = {key.lower() for key in role.tags} if role is not None else set[str]()
        uses |= {name: keys for name, document in policies.value.items() if (keys := _keys(document, own))}
    return uses


def _keys(document: object, own: Collection[str]) -> dict[str, None]:
    """Return the session tags of EKS that condition keys and policy variables of the document name, without the tags
    that the role has itself."""
    named = (key.lower() for text in strings_in(document) for key in _TAG.findall(text))
    return dict.fromkeys(f"aws:PrincipalTag/{key}" for key in named if key not in own)
