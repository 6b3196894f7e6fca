"""How much a definition, an expression and an execution may be. Each bound is a promise to all the
other tenants of the process, so each stands here, with its reason."""

from __future__ import annotations

MAX_STEPS = 200
"""Steps of a definition, those inside maps included: a person still finds his way."""

MAX_CONNECTIONS = 1_000
MAX_MAP_NESTING = 3
"""Maps inside maps; each level multiplies the running steps by its concurrency."""

MAX_DEFINITION_DEPTH = 32
"""Nesting of the definition's JSON."""

MAX_ID_LENGTH = 64
MAX_NAME_LENGTH = 200
MAX_TEXT_LENGTH = 100_000
"""A single text of a config, such as the code of a function."""

MAX_EXPRESSION_LENGTH = 4_096
MAX_ERROR_NAMES = 50
MAX_ERROR_NAME_LENGTH = 100
MAX_ERROR_MESSAGE_LENGTH = 2_000

MAX_SECONDS = 366 * 24 * 3600
"""The longest wait, timeout or retry interval."""

MAX_ATTEMPTS = 100
"""Tries of one step in a row."""

MAX_MAP_ITEMS = 10_000
"""Items of one map: they and their outputs lie in the execution's one row."""

MAX_MAP_CONCURRENCY = 100

STEPS_PER_ADVANCE = 500
"""Steps taken in one go before another execution gets its turn on the process."""

MAX_VISITS = 25_000
"""Steps that one execution takes in its life: a loop that nobody ends is ended."""

MAX_TOKENS = 5_000
"""Branches under way at a time in one execution: a fork inside a loop doubles them each round."""

MAX_EXPRESSION_COST = 16_000_000
"""Bytes that one evaluation may touch, by the estimate before it: about a quarter of a second."""

MAX_ITERATIONS = 10_000
"""The budget of the expression library for all macros of one evaluation together."""

MAX_VALUE_NODES = 200_000
"""Values within a value that an expression gives."""

MAX_VALUE_TEXT = 1_000_000
"""Characters of a text that an expression gives."""

MAX_STATE_BYTES = 8_000_000
"""The state of one execution as JSON. Whoever stores it fails the execution beyond this."""

MAX_DEPTH = 20
"""Executions that are started within each other: a workflow that starts itself is ended."""

MAX_ANSWER_BYTES = 2_000_000
"""What an `http` step takes of an answer, of all its pages together: the state has to hold it."""
