"""The built-in model for when no other is connected: finds lines, quotes them, writes nothing itself.

Used through Catalogue. A real retrieval engine: BM25 over the repertory and the passages that come with
the request, the user's own earlier messages among them.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import cache

from tertulia.providers.base import ChatMessage, ChatRequest, Chunk, Parameters, Passage, Source, Usage
from tertulia.providers.bm25 import Collection, Hit, search
from tertulia.providers.estimate import estimate_tokens
from tertulia.providers.language import detect_language
from tertulia.providers.lexical import terms
from tertulia.providers.phrases import PHRASES, Phrases
from tertulia.providers.repertory import repertory

OFFLINE_MODEL = "offline"

# Fast enough to read along, slow enough that Stop and resume can be seen to work.
_PIECES_PER_SECOND = 60.0

# Bounds of one search: a long history or a pasted book must not hold a processor.
_MOST_PASSAGES = 500
_LONGEST_PASSAGE = 2_000
_LONGEST_QUERY = 2_000
_MOST_QUOTED = 3
_LONGEST_QUOTED = 400

# A line must share this much of the question's weight; below it, one common word would do.
_LEAST_COVERAGE = 0.25
# And must not be far behind the best one.
_LEAST_OF_BEST = 0.45

# About a word: up to the next space, or two characters where words have none.
_PIECE = re.compile(r"\s*(?:[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,2}|\S+?(?=[\u3400-\u9fff]|\s|$))")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>$])")


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    sources: tuple[Source, ...]
    finish_reason: str


class OfflineProvider:
    """A Provider without a network. Equal requests get equal answers.

    `pace` is in pieces (about words) a second, 0 for no waiting.
    """

    name = "offline"

    def __init__(self, *, pace: float = _PIECES_PER_SECOND) -> None:
        self._pause = 1 / pace if pace else 0.0

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        # In a thread: the search is processor time that would delay every other stream.
        answer = await asyncio.to_thread(compose, request)
        if answer.sources:
            yield Chunk(sources=answer.sources)
        for piece in _PIECE.findall(answer.text):
            yield Chunk(text=piece)
            await asyncio.sleep(self._pause)
        yield Chunk(finish_reason=answer.finish_reason, usage=_usage(request, answer.text))

    async def models(self) -> list[str]:
        return [OFFLINE_MODEL]

    async def close(self) -> None:
        """Nothing is open."""


def compose(request: ChatRequest) -> Answer:
    """The whole answer to the last user message, cut as the parameters ask."""
    question = _question(request.messages)[:_LONGEST_QUERY]
    phrases = PHRASES[detect_language(question, request.language)]
    sources = _closest(question, request.passages)
    if sources:
        text = "\n\n".join([phrases.found, *(_block_quote(source, phrases) for source in sources)])
    else:
        text = f"{phrases.nothing}\n\n{phrases.connect}"
    text, finish_reason = _cut(text, request.parameters)
    return Answer(text, tuple(source for source in sources if f"[{source.marker}]" in text), finish_reason)


def _question(messages: Sequence[ChatMessage]) -> str:
    return next((turn.content for turn in reversed(messages) if turn.role == "user"), "")


@cache
def _repertory_collection() -> Collection:
    return Collection(terms(f"{line.text} {line.speaker} {line.work}") for line in repertory())


def _closest(question: str, passages: Sequence[Passage]) -> list[Source]:
    """The best passages as numbered sources; what the user just said is no answer to it."""
    asked = question.strip()
    own = [passage for passage in passages[-_MOST_PASSAGES:] if passage.text.strip() != asked]
    collections = [
        Collection(terms(passage.text[:_LONGEST_PASSAGE]) for passage in own),
        _repertory_collection(),
    ]
    pools: tuple[Sequence[Passage], Sequence[Passage]] = (own, repertory())
    hits = search(terms(question), collections)
    touched = {hit.document for hit in hits if hit.collection == 0}
    # The board was searched for what fits; a line of it that shares no word with the question fits by its meaning.
    meant = [line for number, line in enumerate(own) if line.kind == "quote" and number not in touched]
    found = dict.fromkeys([*(pools[hit.collection][hit.document] for hit in _relevant(hits)), *meant])
    return [_source(marker, passage) for marker, passage in enumerate(list(found)[:_MOST_QUOTED], start=1)]


def _relevant(hits: list[Hit]) -> list[Hit]:
    return [
        hit for hit in hits if hit.coverage >= _LEAST_COVERAGE and hit.score >= _LEAST_OF_BEST * hits[0].score
    ]


def _source(marker: int, passage: Passage) -> Source:
    return Source(
        marker=marker,
        kind=passage.kind,
        id=passage.id,
        text=passage.text[:_LONGEST_QUOTED],
        speaker=passage.speaker,
        work=passage.work,
        language=passage.language,
        url=passage.url,
    )


def _block_quote(source: Source, phrases: Phrases) -> str:
    """Markdown: the words as a quotation, then who says them where, and the marker."""
    speaker = source.speaker or (phrases.mine if source.kind == "history" else "")
    origin = ", ".join(
        [_escaped(speaker)] * bool(speaker) + [f"*{_escaped(source.work)}*"] * bool(source.work)
    )
    credit = f"— {origin} [{source.marker}]" if origin else f"[{source.marker}]"
    return f"> {phrases.quoted.format(_escaped(source.text))}\n>\n> {credit}"


def _escaped(text: str) -> str:
    """On one line and without Markdown of its own: a quoted text must not shape the answer."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _cut(text: str, parameters: Parameters) -> tuple[str, str]:
    """`text` up to the first stop string or the token limit, and the finish reason."""
    ends = [text.find(stop) for stop in parameters.stop if stop and stop in text]
    text = text[: min(ends)].rstrip() if ends else text
    if parameters.max_tokens is None or estimate_tokens(text) <= parameters.max_tokens:
        return text, "stop"
    return _first_tokens(text, parameters.max_tokens), "length"


def _first_tokens(text: str, limit: int) -> str:
    """The longest beginning in whole pieces of at most `limit` estimated tokens, at least one piece."""
    kept = ""
    for piece in _PIECE.findall(text):
        if kept and estimate_tokens(kept + piece) > limit:
            break
        kept += piece
    return kept


def _usage(request: ChatRequest, text: str) -> Usage:
    prompt = sum(estimate_tokens(turn.content) for turn in request.messages)
    return Usage(prompt_tokens=prompt, completion_tokens=estimate_tokens(text), estimated=True)
