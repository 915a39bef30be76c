"""Conversations and the answers in them; `generate_text` is their door for Python code."""

from typing import Any

__all__ = ["generate_text"]


def generate_text(
    prompt: str,
    *,
    user: str | None = None,
    instance: str | None = None,
    model: str | None = None,
    **parameters: Any,
) -> str:
    """The answer to a prompt, whole: stored as a conversation and counted like any other request.

    `user` is an e-mail address, by default the first administrator's; `instance` the name of one of that user's
    instances; `parameters` are temperature, top_p, max_tokens, frequency_penalty, presence_penalty, stop, seed. Needs
    Django set up (`django.setup()`), and in a coroutine `await asyncio.to_thread(generate_text, …)`.

    Raises InvalidInput naming the field, OverQuota, GenerationFailed with the provider's slug.
    """
    # Django imports this package before any model may be.
    from tertulia.chat.generation.script import Question, answer  # noqa: PLC0415

    pieces: list[str] = []
    question = Question(prompt=prompt, user=user, instance=instance, model=model, parameters=parameters)
    answer(question, pieces.append)
    return "".join(pieces)
