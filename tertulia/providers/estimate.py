"""Token estimates for answers whose provider counts nothing; used by the offline model and the prompt."""

import re

# Scripts whose characters are about one token each in today's vocabularies; everything else is taken at
# four characters a token, the rule of thumb for English. Exact counts would need the model's vocabulary.
_DENSE = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_CHARACTERS_PER_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """Tokens that `text` probably costs; 0 only for the empty text. An estimate, never for billing."""
    dense = 0 if text.isascii() else len(_DENSE.findall(text))
    return dense + -(-(len(text) - dense) // _CHARACTERS_PER_TOKEN)
