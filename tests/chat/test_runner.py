"""A run against the scripted provider, without a database: what ends it."""

import json

from django.conf import settings

from tertulia.chat.generation.live import LiveLog
from tertulia.chat.generation.log import Outcome
from tertulia.chat.generation.runner import MAX_ANSWER, Plan, Runner
from tertulia.core.ids import uuid7
from tertulia.providers.base import ChatMessage, ChatRequest
from tertulia.providers.openai import OpenAIProvider

# Longer than any answer, in few tokens.
ENDLESS = ("x" * 100_000 + " ") * (MAX_ANSWER // 100_000 + 5)


async def run(**script: object) -> tuple[Outcome, LiveLog]:
    provider = OpenAIProvider(base_url=settings.OPENAI_BASE_URL)
    asked = ChatMessage("user", f"!script {json.dumps(script)}")
    log = LiveLog(uuid7())
    try:
        request = ChatRequest(model="scripted-small", messages=(asked,))
        return await Runner(Plan(log.generation_id, request, provider), log).run(), log
    finally:
        await provider.close()


async def test_an_answer_without_end_is_cut_as_by_a_limit_of_tokens() -> None:
    outcome, log = await run(text=ENDLESS)
    assert (outcome.status, outcome.finish_reason) == ("complete", "length")
    assert MAX_ANSWER <= log.position < len(ENDLESS)


async def test_reasoning_without_end_is_cut_as_well() -> None:
    outcome, log = await run(reasoning=ENDLESS, text="never said")
    assert (outcome.status, outcome.finish_reason, outcome.error) == ("failed", "length", "provider_empty")
    assert MAX_ANSWER <= log.position < len(ENDLESS)
