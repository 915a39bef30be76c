"""How rows look on the wire. The types below are the shapes of the contract: the functions return them, mypy compares,
and the OpenAPI document is made from them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict, cast
from uuid import UUID

from tertulia.accounts.quota import Standing
from tertulia.chat.access import Conversation, Generation, Message
from tertulia.chat.generation.provenance import Provenance
from tertulia.core.matching import excerpt

Instant = str  # RFC 3339, UTC, with Z
Id = str
Role = Literal["user", "assistant", "system"]
MessageStatus = Literal["complete", "streaming", "stopped", "interrupted", "failed"]
Purpose = Literal["answer", "memory"]
RunStatus = Literal["running", "complete", "stopped", "interrupted", "failed"]


class MessageOutput(TypedDict):
    id: Id
    parent: Id | None
    role: Role
    content: str
    status: MessageStatus
    model: str | None
    parameters: dict[str, Any]
    usage: dict[str, Any] | None
    sources: list[dict[str, Any]]
    feedback: Literal["up", "down"] | None
    created_at: Instant
    updated_at: Instant


class ExplainedMessageOutput(MessageOutput):
    generation: NotRequired[Id | None]
    provenance: NotRequired[Provenance | None]


class ConversationOutput(TypedDict):
    id: Id
    title: str
    instance: Id | None
    leaf: Id | None
    created_at: Instant
    updated_at: Instant


class FoundOutput(TypedDict):
    """A found message; `places` are the found words in `excerpt`: starts and ends in code points."""

    conversation: Id
    title: str
    message: Id
    role: Role
    excerpt: str
    places: list[list[int]]
    created_at: Instant


class RunningOutput(TypedDict):
    generation: Id
    answer: Id


class ConversationDetail(ConversationOutput):
    greeting: str
    running: list[RunningOutput]


class AnsweredOutput(TypedDict):
    conversation: Id
    generation: Id
    user_message: MessageOutput
    answer: MessageOutput


class GenerationOutput(TypedDict):
    id: Id
    conversation: Id
    user_message: Id
    answer: Id | None
    purpose: Purpose
    status: RunStatus
    model: str
    provider: str
    finish_reason: str | None
    error: str | None
    created_at: Instant
    first_token_at: Instant | None
    ended_at: Instant | None
    provenance: Provenance | None


class UsageOutput(TypedDict):
    limit: int | None
    used: int
    remaining: int | None
    resets_at: Instant


class ModelOutput(TypedDict):
    id: str
    provider: str
    default: bool


class ReplyOutput(TypedDict):
    id: Id
    user: str
    content: str
    created_at: Instant


class ExchangeOutput(TypedDict):
    id: Id
    user: str
    content: str
    created_at: Instant
    chat_reply: ReplyOutput | None


class PromptOutput(TypedDict):
    id: Id
    prompt_message: str
    response: str | None
    created_at: Instant


class ListedPromptOutput(PromptOutput):
    timestamp: Instant


_FEEDBACK: Mapping[int | None, Literal["up", "down"]] = {1: "up", -1: "down"}


def instant(value: datetime) -> Instant:
    """An aware UTC instant, microseconds kept."""
    return value.isoformat().replace("+00:00", "Z")


def _maybe(value: UUID | None) -> Id | None:
    return str(value) if value else None


def _maybe_instant(value: datetime | None) -> Instant | None:
    return instant(value) if value else None


def message_output(message: Message) -> MessageOutput:
    return {
        "id": str(message.id),
        "parent": _maybe(message.parent_id),
        "role": cast("Role", message.role),
        "content": message.content,
        "status": cast("MessageStatus", message.status),
        "model": message.model or None,
        "parameters": message.parameters,
        "usage": message.usage,
        "sources": message.sources,
        "feedback": _FEEDBACK.get(message.feedback),
        "created_at": instant(message.created_at),
        "updated_at": instant(message.updated_at),
    }


def conversation_output(conversation: Conversation) -> ConversationOutput:
    return {
        "id": str(conversation.id),
        "title": conversation.title,
        "instance": _maybe(conversation.instance_id),
        "leaf": _maybe(conversation.leaf_id),
        "created_at": instant(conversation.created_at),
        "updated_at": instant(conversation.updated_at),
    }


def found_output(message: Message, words: Sequence[str]) -> FoundOutput:
    """`words` are those that it was found by."""
    shown = excerpt(message.content, words)
    return {
        "conversation": str(message.conversation_id),
        "title": message.conversation.title,
        "message": str(message.id),
        "role": cast("Role", message.role),
        "excerpt": shown.text,
        "places": [list(place) for place in shown.places],
        "created_at": instant(message.created_at),
    }


def conversation_detail(conversation: Conversation, running: Mapping[UUID, UUID]) -> ConversationDetail:
    """`running` maps the answers that are being written to their generations."""
    live: list[RunningOutput] = [
        {"generation": str(generation), "answer": str(answer)} for answer, generation in running.items()
    ]
    return {**conversation_output(conversation), "greeting": conversation.greeting, "running": live}


def generation_output(generation: Generation) -> GenerationOutput:
    return {
        "id": str(generation.id),
        "conversation": str(generation.conversation_id),
        "user_message": str(generation.user_message_id),
        "answer": _maybe(generation.answer_id),
        "purpose": cast("Purpose", generation.purpose),
        "status": cast("RunStatus", generation.status),
        "model": generation.model,
        "provider": generation.provider,
        "finish_reason": generation.finish_reason or None,
        "error": generation.error or None,
        "created_at": instant(generation.created_at),
        "first_token_at": _maybe_instant(generation.first_token_at),
        "ended_at": _maybe_instant(generation.ended_at),
        "provenance": provenance_of(generation),
    }


def provenance_of(generation: Generation | None) -> Provenance | None:
    """What a run sent; None for one from before that was kept."""
    return (generation and generation.provenance) or None


def explained_message_output(message: Message, generation: Generation | None) -> ExplainedMessageOutput:
    """One message with the run that wrote it."""
    return {
        **message_output(message),
        "generation": str(generation.id) if generation else None,
        "provenance": provenance_of(generation),
    }


def usage_output(standing: Standing) -> UsageOutput:
    return {
        "limit": standing.limit,
        "used": standing.used,
        "remaining": standing.remaining,
        "resets_at": instant(standing.resets_at),
    }


def exchange_output(message: Message, reply: Message | None, email: str) -> ExchangeOutput:
    """A user's message with the answer to it; None until there is text."""
    return {
        "id": str(message.id),
        "user": email,
        "content": message.content,
        "created_at": instant(message.created_at),
        "chat_reply": _reply_output(reply) if reply else None,
    }


def _reply_output(reply: Message) -> ReplyOutput:
    return {
        "id": str(reply.id),
        "user": reply.model,
        "content": reply.content,
        "created_at": instant(reply.created_at),
    }


def prompt_output(message: Message, reply: Message | None) -> PromptOutput:
    return {
        "id": str(message.id),
        "prompt_message": message.content,
        "response": reply.content if reply else None,
        "created_at": instant(message.created_at),
    }


def listed_prompt_output(message: Message, reply: Message | None) -> ListedPromptOutput:
    return {**prompt_output(message, reply), "timestamp": instant(message.created_at)}


# --- Envelopes ------------------------------------------------------------------------------------------------------


class LinkOutput(TypedDict):
    rel: Literal["first", "prev", "next", "last"]
    method: Literal["GET"]
    link: str


class ActionOutput(TypedDict):
    rel: Literal["self", "delete"]
    href: str
    method: Literal["GET", "DELETE"]


class CreatedExchangeOutput(ExchangeOutput):
    links: list[ActionOutput]


class ExchangePage(TypedDict):
    count: int
    results: list[ExchangeOutput]
    links: list[LinkOutput]


class PromptPage(TypedDict):
    count: int
    next: str | None
    previous: str | None
    results: list[ListedPromptOutput]


class MessagePage(TypedDict):
    results: list[MessageOutput]
    next: str | None
    previous: str | None


class ConversationPage(TypedDict):
    results: list[ConversationOutput]
    next: str | None
    previous: str | None


class FoundPage(TypedDict):
    results: list[FoundOutput]
    next: str | None
    previous: str | None


class ModelPage(TypedDict):
    results: list[ModelOutput]


class ProblemOutput(TypedDict):
    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[dict[str, list[str]]]
