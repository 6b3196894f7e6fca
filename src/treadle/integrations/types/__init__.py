"""The types of integrations, a file each: what is configured, what is secret, and how it is called.

Every one has `test`, which says in words that a connection works or raises an OutboundError. Those
that can tell people something have `notify`. What else can be done with one has a name of its own.
"""
