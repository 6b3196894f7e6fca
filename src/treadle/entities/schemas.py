"""JSON Schemas of records: which are taken, and what of the data breaks them. Pure.

The dialect is 2020-12, `format` is checked, patterns are of the kind that takes time in proportion
to the text (no look-around, no back-references), and nothing is ever fetched.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import jsonschema_rs
import orjson

from treadle.core.errors import Faulty, FieldFault
from treadle.core.json import canonical
from treadle.entities.data import size_of
from treadle.entities.schema_weight import PATTERN_BYTES, TooHeavy, Weight, weigh

MOST_STEPS: Final = 20_000_000
"""Of a check of one record: about a quarter of a second."""
MOST_FAULTS: Final = 20
"""That are told of one record."""
PATTERN_RULE: Final = (
    "must be a regular expression without look-around and back-references, and not too large"
)

_STEPS_FOR_ALL_FAULTS: Final = 10_000  # finding all takes a thousand times what finding one does
_MOST_MESSAGE: Final = 200
_MASK: Final = "it"  # for what was sent, in a message: it may be huge, or a secret


@dataclass(frozen=True, slots=True)
class DataSchema:
    """A schema that data can be checked against; made by `compile_schema`."""

    weight: Weight
    _validator: jsonschema_rs.Draft202012Validator

    def faults(self, data: dict[str, Any], *, all_faults: bool = True) -> list[FieldFault]:
        """What is wrong with the data, none if nothing is. Without `all_faults`, and where finding
        all of them would take long, it is one thing of what may be many.
        """
        size = size_of(data)
        steps = self.weight.nodes * size.values
        if steps + self.weight.states * size.characters // 2 > MOST_STEPS:
            return [FieldFault((), "is too much to be checked against this schema")]
        try:
            if self._validator.is_valid(data):
                return []
            if not all_faults or steps > _STEPS_FOR_ALL_FAULTS:
                self._validator.validate(data)
                return []
            found = [_fault(error) for error in self._validator.iter_errors(data)]
        except jsonschema_rs.ValidationError as error:
            found = [_fault(error)]
        return found[:MOST_FAULTS]


def compile_schema(schema: dict[str, Any]) -> DataSchema:
    """The schema, ready for use. Raises Faulty; the place is the way within the schema."""
    return _compiled(canonical(schema))


@lru_cache(maxsize=512)
def _compiled(spelled: bytes) -> DataSchema:
    schema: dict[str, Any] = orjson.loads(spelled)
    try:
        weight = weigh(schema)
        validator = jsonschema_rs.Draft202012Validator(
            schema,
            mask=_MASK,
            validate_formats=True,
            offline=True,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=PATTERN_BYTES),
        )
    except TooHeavy as error:
        raise Faulty([error.fault]) from None
    except jsonschema_rs.ValidationError as error:
        fault = _fault(error)
        raise Faulty(
            [FieldFault(fault.place, PATTERN_RULE) if "regex" in fault.message else fault]
        ) from None
    return DataSchema(weight, validator)


def _fault(error: jsonschema_rs.ValidationError) -> FieldFault:
    message = error.message
    if len(message) > _MOST_MESSAGE:
        message = f"{message[:_MOST_MESSAGE]}…"
    return FieldFault(tuple(error.instance_path), message)
