"""The client without `await`, made of `aio` by scripts/client.py."""
