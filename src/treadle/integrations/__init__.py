"""Connections to other systems, their secrets, and every call of the product to the outside.

Nothing else in the program opens a connection to an address that a user named: `Outbound` for HTTP,
`AddressGuard` for what speaks another protocol. Both look at the address *after* the name has been
resolved, and connect to the address that was looked at.
"""
