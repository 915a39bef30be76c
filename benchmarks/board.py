"""Measures the search of the quote board in the instance of its environment, which must be empty, and prints figures as
JSON; `benchmarks.retrieval` starts it, after Django's set-up.

With SHOW_MISSES in the environment the questions that went wrong are listed on standard error.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models import Case, IntegerField, Q, Value, When

from benchmarks.data import LANGUAGES, Corpus, Question
from benchmarks.report import quantile
from tertulia.providers.lexical import is_dense
from tertulia.quotes import meaning, queries
from tertulia.quotes.importing import Line, import_lines
from tertulia.quotes.meaning import Meaning
from tertulia.quotes.models import Quote
from tertulia.quotes.retrieval import relevant
from tests.provider import ScriptedProvider

LIMIT = 5
SPEED_QUOTES = 100_000
SPEED_SEARCHES = 200
# Words of the invented language of the speed test, as frequent as those of a natural one (Zipf).
VOCABULARY = 30_000

# The texts that a method finds for a question, best first.
Method = Callable[[str], list[str]]


def main(only: Collection[str]) -> None:
    """The parts `quality` and `speed`, or those of them in `only`."""
    call_command("migrate", verbosity=0)
    figures: dict[str, dict[str, Any]] = {}
    if not only or "quality" in only:
        figures |= _quality()
    if not only or "speed" in only:
        figures |= _speed()
    json.dump(figures, sys.stdout)


def _quality() -> dict[str, dict[str, Any]]:
    corpora = [Corpus(language) for language in LANGUAGES]
    lines = [line for corpus in corpora for line in corpus.lines()]
    stored = _import(
        {"content": line.content, "speaker": line.speaker, "source": line.source} for line in lines
    )
    assert stored == len(lines), "the lines are not distinct"
    figures = {}
    for corpus in corpora:
        questions = list(corpus.questions())
        for name, method in {"bm25": _relevant, "substring": _substring}.items():
            figures[f"{corpus.language} {name}"] = _graded(questions, method)
    return figures | _by_meaning(corpora)


def _by_meaning(corpora: Sequence[Corpus]) -> dict[str, dict[str, Any]]:
    """Words and vectors fused, with the embedding model of the environment.

    Without one the scripted vectors only know equal words: this shows that nothing gets worse by the way, not how well
    a real model finds.
    """
    if settings.TERTULIA_EMBEDDINGS_MODEL:
        return _fused(corpora, settings.TERTULIA_EMBEDDINGS_MODEL)
    with ScriptedProvider() as provider:
        settings.TERTULIA_EMBEDDINGS_MODEL = "text-embedding-x"
        settings.TERTULIA_EMBEDDINGS_URL = provider.base_url
        meaning.meaning.cache_clear()
        figures = _fused(corpora, "scripted vectors")
    settings.TERTULIA_EMBEDDINGS_MODEL = ""
    meaning.meaning.cache_clear()
    return figures


def _fused(corpora: Sequence[Corpus], name: str) -> dict[str, dict[str, Any]]:
    model = meaning.meaning()
    assert model is not None
    meaning.PATIENCE = 60.0  # a slow server would make this a measurement of words alone
    asyncio.run(_embed(model))
    figures = {}
    for corpus in corpora:
        questions = list(corpus.questions())
        asyncio.run(_prepare(model, [question.text for question in questions]))
        figures[f"{corpus.language} fused, {name}"] = _graded(questions, _relevant)
    return figures


async def _embed(model: Meaning) -> None:
    while await model.embed_applied():
        pass
    await model.close()


async def _prepare(model: Meaning, questions: Iterable[str]) -> None:
    for question in questions:
        await model.prepare(question)
    await model.close()


def _graded(questions: Iterable[Question], method: Method) -> dict[str, Any]:
    """Recall@5 by kind, and the share of the negatives for which nothing was found."""
    right: dict[str, list[bool]] = {}
    for question in questions:
        found = method(question.text)
        is_right = question.wanted.content in found if question.wanted else not found
        right.setdefault(question.kind, []).append(is_right)
        if os.environ.get("SHOW_MISSES") and not is_right:
            print(question.kind, question.text, "→", found[:2], file=sys.stderr)
    return {kind: round(sum(marks) / len(marks), 3) for kind, marks in right.items()}


def _relevant(question: str) -> list[str]:
    """What ships."""
    return [passage.text for passage in relevant(question, limit=LIMIT)]


def _substring(question: str) -> list[str]:
    """For comparison: lines with the most words of the question in them, by LIKE, as a naive board would search."""
    words = {word.strip("¿?.,:;，。：？「」") for word in question.split()} - {""}
    score: Any = Value(0)
    condition = Q()
    for word in words:
        condition |= Q(content__icontains=word)
        score += Case(When(content__icontains=word, then=1), default=0, output_field=IntegerField())
    rows = Quote.objects.filter(condition, is_apply=True).annotate(score=score).order_by("-score", "id")
    return list(rows.values_list("content", flat=True)[:LIMIT])


def _import(words: Iterable[dict[str, str]]) -> int:
    lines = (Line(number, each) for number, each in enumerate(words, start=1))
    return sum(outcome.status == "created" for outcome in import_lines(user=None, lines=lines, is_apply=True))


# --- Speed ----------------------------------------------------------------------------------------------------------


class Babble:
    """Texts without a meaning over words of all five scripts, with natural frequencies. Equal seeds, equal texts."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.words = list(dict.fromkeys(self._word(number % 5) for number in range(VOCABULARY)))
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(len(self.words))))

    def text(self, least: int, most: int) -> str:
        count = self.random.randint(least, most)
        return " ".join(self.random.choices(self.words, cum_weights=self._weights, k=count))

    def _word(self, script: int) -> str:
        letters = {2: ("бвгдклмнпрст", "аеиоу")}.get(script, ("bcdfglmnprst", "aeiou"))
        if script >= 3:
            first = (0xAC00, 0x4E00)[script - 3]
            return "".join(chr(first + self.random.randrange(2_500)) for _ in range(2))
        count = self.random.randint(2, 4)
        return "".join(self.random.choice(part) for _ in range(count) for part in letters)


def _speed() -> dict[str, dict[str, Any]]:
    babble = Babble()
    began = time.perf_counter()
    stored = _import(_babbled(babble))
    took = time.perf_counter() - began
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    figures: dict[str, dict[str, Any]] = {
        f"import {stored}": {"seconds": round(took, 1), "per_second": round(stored / took)}
    }
    return figures | _searched(babble)


def _babbled(babble: Babble) -> Iterator[dict[str, str]]:
    for _number in range(SPEED_QUOTES):
        yield {
            "content": babble.text(6, 16),
            "speaker": babble.random.choice(babble.words[:2_000]),
            "source": babble.text(2, 3),
        }


def _searched(babble: Babble) -> dict[str, dict[str, Any]]:
    dense = [word for word in babble.words if is_dense(word)]
    asked: dict[str, Callable[[], str]] = {
        "question": lambda: babble.text(3, 10),
        "one word": lambda: babble.text(1, 1),
        "one character": lambda: babble.random.choice(dense)[0],
        "rare words": lambda: " ".join(babble.random.choices(babble.words[2_000:], k=4)),
        "commonest": lambda: " ".join(babble.random.choices(babble.words[:8], k=2)),
    }
    methods: dict[str, Callable[[str], object]] = {
        "retrieve": _relevant,
        "search page": _page,
    }
    return {
        f"{method} {kind}": _timed(search, text)
        for kind, text in asked.items()
        for method, search in methods.items()
    }


def _page(text: str) -> None:
    rows = queries.found(text, {})
    rows.count()
    list(rows[:10])


def _timed(search: Callable[[str], object], text: Callable[[], str]) -> dict[str, Any]:
    times = []
    cpu = time.process_time()
    for _each in range(SPEED_SEARCHES):
        asked = text()
        began = time.perf_counter()
        search(asked)
        times.append((time.perf_counter() - began) * 1000)
    return {
        "p50_ms": round(quantile(times, 0.5), 2),
        "p95_ms": round(quantile(times, 0.95), 2),
        # Of this process: what other work on the machine does not change. PostgreSQL's own is not in it.
        "cpu_ms": round((time.process_time() - cpu) * 1000 / SPEED_SEARCHES, 2),
    }
