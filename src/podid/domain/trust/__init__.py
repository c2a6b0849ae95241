"""The trust engine: parse, evaluate, explain, build and edit the trust policies of roles for EKS Pod Identity.

Call `parse_policy` once and `evaluate` for each request. `add`, `remove` and `tighten` return the edited policy and a
report of the change. This package does no I/O.
"""

from podid.domain.trust.build import (
    OwnCondition,
    base_role_permissions,
    build_statement,
    cluster_of,
    effective_scope,
    new_policy,
    parse_conditions,
    policy_size,
    target_policy,
    target_statements,
    too_long,
    written_by_podid,
)
from podid.domain.trust.check import TrustCheck, check, diff, mergeable
from podid.domain.trust.edit import (
    Edit,
    add,
    equal,
    fingerprint,
    meaning,
    merged,
    other_principals,
    overwritten,
    refused,
    serving,
    tighten,
    unchanged,
)
from podid.domain.trust.evaluate import STRANGER, ActionVerdict, Evaluation, Scope, ScopeKind, TrustVerdict, evaluate
from podid.domain.trust.explain import find_misspellings
from podid.domain.trust.findings import TOO_BROAD, TrustFinding, narrows, open_to_all, unwritable_principals
from podid.domain.trust.irsa import (
    allows_by_issuer,
    issuer_statement,
    lists_subject,
    may_lose_issuer,
    names_sessions,
    remove_issuer,
    remove_subject,
    remove_subjects,
    restore_subject,
    shares_of,
    subjects_of,
)
from podid.domain.trust.loss import Loss, loss
from podid.domain.trust.policy import (
    ACTIONS,
    ASSUME_ROLE,
    TAG_SESSION,
    Policy,
    Statement,
    TrustPolicyError,
    parse_policy,
    read_json,
)
from podid.domain.trust.remove import (
    principal_statement,
    principals_among,
    remove,
    remove_cluster,
    remove_principals,
    restore_principals,
)
from podid.domain.trust.request import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG, TAG_KEYS, LivePod, PodIdentity, TargetHop
