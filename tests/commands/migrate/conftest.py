"""Worlds of the tests of a migration."""

from ops.migrate.conftest import irsa as irsa
from ops.migrate.conftest import proxies as proxies
