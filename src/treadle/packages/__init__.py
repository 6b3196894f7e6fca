"""Uploaded code: what an archive holds, what of it runs, and what it needs installed.

Nothing in here imports or runs a package; that is for the sandbox.
"""
