"""Search terms of a text in five languages: stemmed words, and bigrams where words have no spaces."""

import re
import unicodedata
from collections import Counter

from tertulia.providers.language import STOP_WORDS

_DENSE_CLASS = r"\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_RUN = re.compile(rf"[{_DENSE_CLASS}]+|[^\W_{_DENSE_CLASS}]+(?:['’][^\W_{_DENSE_CLASS}]+)*")
_DENSE = re.compile(rf"[{_DENSE_CLASS}]")
_ACUTE = "\u0301\u0308"  # acute, diaeresis: accents that people leave out in Spanish (and in ё)
_RUSSIAN_ENDING = re.compile(
    r"(?:иями|ями|ами|ого|его|ому|ему|ыми|ими|иях|ях|ах|ией|ией|ов|ев|ей|ью|ам|ям|ом|ем|ой|ый|ий|ая|яя|ое|ее"
    r"|ые|ие|ую|юю|ия|ии|ию|[аяоеыиуюьй])$"
)
_LONGEST_TERM = 64


def terms(text: str) -> Counter[str]:
    """The terms of `text` with their counts, stop words left out."""
    found: Counter[str] = Counter()
    for run in _RUN.findall(unicodedata.normalize("NFC", text).lower()):
        if _DENSE.match(run):
            found.update(gram for gram in _bigrams(run) if not _is_function_gram(gram))
        elif run not in _STOP_WORDS and (plain := _without_accents(run)) not in _STOP_WORDS:
            found[_stem(plain)[:_LONGEST_TERM]] += 1
    return found


def is_dense(text: str) -> bool:
    """Whether a script without blanks between words (or with long particles, as Korean) is in `text`."""
    return bool(_DENSE.search(text))


def _bigrams(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]


def _is_function_gram(gram: str) -> bool:
    """Whether the bigram is a stop word or holds a character that is one (是什, 我的)."""
    return gram in _STOP_GRAMS or not _STOP_GRAMS.isdisjoint(gram)


def _without_accents(word: str) -> str:
    """Without accents that carry no meaning of their own; ñ and й stay letters."""
    if word.isascii():
        return word
    kept = (mark for mark in unicodedata.normalize("NFD", word) if mark not in _ACUTE)
    return unicodedata.normalize("NFC", "".join(kept))


def _stem(word: str) -> str:
    """Cuts what inflection adds most often; crude on purpose, both sides are cut alike."""
    word = re.sub(r"['’]s?$", "", word)
    if "\u0400" <= word[-1:] <= "\u04ff":
        stem = _RUSSIAN_ENDING.sub("", word)
        return stem if len(stem) >= 3 else word
    if len(word) > 4 and word.endswith("es"):
        return word[:-2]
    if len(word) > 3 and word.endswith(("s", "e")) and not word.endswith("ss"):
        return word[:-1]
    return word


_STOP_WORDS = STOP_WORDS["en"] | STOP_WORDS["es"] | STOP_WORDS["ru"]
_STOP_GRAMS = STOP_WORDS["zh"] | STOP_WORDS["ko"]
