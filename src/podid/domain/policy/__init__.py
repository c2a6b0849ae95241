"""The policy engine: which requests the policies of a role allow its pods, in three values.

`podid.domain.trust` decides who can assume a role, this package what the sessions of the role may do. It does no I/O.
"""
