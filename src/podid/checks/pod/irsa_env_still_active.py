from podid.checks.base import Check
from podid.checks.shared import injection

CHECK = Check.of("irsa-env-still-active", injection.rule, needs=injection.NEEDS, wants=injection.WANTS)
