"""The quotas of an account that has IAM's defaults."""

from podid.ops.role.quota import TrustQuota

DEFAULTS = TrustQuota(dict)
