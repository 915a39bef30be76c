"""What a request may ask of the generation parameters, in the ranges of OpenAI's API.

The API's serializers, the pages' forms and the fields of their templates are made of this.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Range(NamedTuple):
    """From `least` to `most`, both allowed."""

    least: int
    most: int
    is_whole: bool = False


_INT64 = 2**63

RANGES: Mapping[str, Range] = {
    "temperature": Range(0, 2),
    "top_p": Range(0, 1),
    # No model takes more in one answer; it keeps absurd numbers from the provider.
    "max_tokens": Range(1, 1_000_000, is_whole=True),
    "frequency_penalty": Range(-2, 2),
    "presence_penalty": Range(-2, 2),
    "seed": Range(-_INT64, _INT64 - 1, is_whole=True),
}
MAX_STOPS, MAX_STOP_LENGTH = 4, 200
PARAMETERS = (*RANGES, "stop")
