"""Vectors of texts as the scripted provider makes them: equal words, and words that it is told mean the same, fall
together. It knows nothing of language: it shows that vectors are asked for, stored and compared.
"""

import hashlib
import json
import math
import re
from collections.abc import Sequence

DIMENSIONS = 256

# Each word stands for the first of its row.
_ALIKE = (
    ("boat", "ferry", "vessel", "лодка"),
    ("begin", "commence", "outset"),
    ("winter", "frost", "겨울"),
)
_MEANT = {word: words[0] for words in _ALIKE for word in words}


def vector(text: str, *, dimensions: int = DIMENSIONS, common: float = 0.0) -> list[float]:
    """The first `dimensions` numbers of a text's vector; unrelated texts have about the cosine `common`."""
    own, all_texts = math.sqrt(1 - common), math.sqrt(common / DIMENSIONS)
    return [own * value + all_texts for value in _of_words(text)[:dimensions]]


def _of_words(text: str) -> list[float]:
    """The sum of a direction for each word, of length 1; an empty text has a direction as well.

    None has a part in the direction that `vector` gives to all texts: it would be nearer to some of them by chance.
    """
    words = re.findall(r"\w+", text.lower()) or [""]
    sums = [
        sum(column) for column in zip(*(_direction(_MEANT.get(word, word)) for word in words), strict=True)
    ]
    mean = math.fsum(sums) / DIMENSIONS
    length = math.dist(sums, [mean] * DIMENSIONS) or 1.0
    return [(value - mean) / length for value in sums]


def body(model: str, vectors: Sequence[Sequence[float]]) -> bytes:
    """The answer as OpenAI's API gives it."""
    data = [
        {"object": "embedding", "index": index, "embedding": list(numbers)}
        for index, numbers in enumerate(vectors)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return json.dumps({"object": "list", "model": model, "data": data, "usage": usage}).encode()


def _direction(word: str) -> list[float]:
    """±1 for each dimension, always the same for the same word."""
    bits = int.from_bytes(hashlib.shake_128(word.encode()).digest(DIMENSIONS // 8))
    return [1.0 if bits >> place & 1 else -1.0 for place in range(DIMENSIONS)]
