"""The web console as it is served: what `make install` builds from `console/`, and how it is sent.

`dist/` is built, never committed, and part of the wheel.
"""
