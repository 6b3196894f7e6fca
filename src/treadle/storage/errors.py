"""What storage can answer besides the file.

    StorageError          the place could not do it: unreachable, refused, full, no such bucket
    ├── MissingObject     nothing is stored under this key
    └── OversizedObject   the object is larger than the caller is ready to hold
    InvalidKey            a key that breaks the rules of `keys.py`: a fault of our own code

These never reach an outside caller as they are: a message may name the bucket or the folder.
"""

from __future__ import annotations


class StorageError(Exception):
    """The storage did not do what it was asked; the message says which place and why."""


class MissingObject(StorageError):
    """Nothing is stored under the key."""


class OversizedObject(StorageError):
    """The stored object is over the number of bytes that the caller allowed."""


class InvalidKey(ValueError):
    """The key could not be stored safely in every kind of place."""
