"""The client with `await`. `sync` is made of it by scripts/client.py."""
