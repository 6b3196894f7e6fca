"""Definitions of what can be run, and their runs.

`definitions`, `files` and `macros` are what a person edits; `runs` is what callers ask for;
`attempts` is what workers do to a run; `worker` executes one attempt in the sandbox. `states` holds
the rules of the state machine, without I/O.
"""
