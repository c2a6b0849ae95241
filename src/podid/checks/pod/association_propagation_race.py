from podid.checks.base import Check
from podid.checks.shared import injection

CHECK = Check.of("association-propagation-race", injection.rule, needs=injection.NEEDS, wants=injection.WANTS)
