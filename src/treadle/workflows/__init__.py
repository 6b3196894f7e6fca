"""Workflows: what a definition may say, and the pure machine that takes an execution forward.

`parsing` reads a definition's JSON and `validation` judges it as a whole; `compiled` makes of a
valid one what the machine runs on. `machine` is one function of (workflow, state, event), which
answers with the next state, the effects to bring about and the entries of the event log. `replay`
gives the state back from the log, `condensed` the short form of it, and `schemas` detects and
enforces what a payload looks like. All of it is pure: the instant is told, nothing is touched.
"""
