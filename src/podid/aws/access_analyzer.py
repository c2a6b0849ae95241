"""IAM Access Analyzer: what AWS itself says of a policy before it is stored."""

import json
from collections.abc import Mapping

from podid.aws import decode
from podid.aws.api import Api
from podid.domain.foreign import each
from podid.domain.permissions import PolicyFinding
from podid.domain.rights import needs


class AccessAnalyzer:
    def __init__(self, api: Api) -> None:
        self._api = api

    @needs("access-analyzer:ValidatePolicy")
    def validate_policy(self, document: Mapping[str, object], subject: str) -> tuple[PolicyFinding, ...]:
        """What it finds in a permissions policy, in the order of the document. `subject` is what errors call it."""
        params = {"policyType": "IDENTITY_POLICY", "policyDocument": json.dumps(document, separators=(",", ":"))}
        read = each("findings", decode.policy_finding)
        return tuple(self._api.items("ValidatePolicy", params, subject, read))
