"""Every request for an answer, of every interface: read, gate, access, start, then the answer or its stream.

The sending views are its callers. The database is asked once before the run begins and once after it has ended; while
the model works, the request holds neither a thread nor a connection.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError

from tertulia.accounts import gate, quota
from tertulia.accounts.gate import Identity
from tertulia.accounts.watching import Permit, watch
from tertulia.api.endpoint import json_answer
from tertulia.api.problems import failure, invalid_input
from tertulia.characters.access import Character, Instance
from tertulia.chat.access import Conversation, Message
from tertulia.chat.generation import tail
from tertulia.chat.generation.events import Ids
from tertulia.chat.generation.models import catalogue
from tertulia.chat.generation.start import Key, Send, Started, start_generation
from tertulia.chat.generation.supervisor import supervisor
from tertulia.core.db import in_db
from tertulia.core.errors import InvalidInput, NotAcceptable, Problem
from tertulia.core.sse import event_stream_response
from tertulia.providers.base import ChatMessage
from tertulia.providers.catalogue import Resolved
from tertulia.providers.errors import ModelUnknown
from tertulia.quotes import meaning

MAX_KEY = 255


class ModelNotOffered(InvalidInput):
    """The body names a model that neither the provider nor this instance has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a user's conversations a message goes, and who answers it: see Send."""

    conversation: Conversation | None = None
    parent: Message | None = None
    user_message: Message | None = None
    instance: Instance | None = None
    greeting: int | None = None
    character: Character | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A body that asks for an answer, validated. `place` finds what it names among what is the asker's own."""

    origin: str
    content: str = ""
    model: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    context: Sequence[ChatMessage] | None = None
    place: Callable[[Identity], Place] = lambda identity: Place()
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request whose run is committed; `headers` tell the quota and whether it is a replay.

    `permit` ends with the login that the request came by.
    """

    identity: Identity
    permit: Permit
    ids: Ids
    conversation_id: UUID
    headers: dict[str, str]


Read = Callable[[HttpRequest], Ask]


async def begin(request: HttpRequest, read: Read) -> Accepted:
    """Commit and launch what a request asks for.

    Who asks is checked first, in the same unit of work that looks up and starts: a fault of the body is held back
    until then, so that a visitor without an account learns nothing from it.
    """
    prepared = await _prepared(request, read)
    if isinstance(prepared, _Prepared):
        await meaning.prepare(prepared.ask.content, lambda: gate.require(request).user)
    identity: Identity | None = None
    headers: dict[str, str] = {}

    def unit() -> Started:
        nonlocal identity
        identity = gate.require(request)
        if isinstance(prepared, Problem):
            raise prepared
        started = start_generation(prepared.send(identity))
        headers.update(quota.rate_limit_headers(started.standing))
        if started.plan is None:
            headers["Idempotency-Replayed"] = "true"
        return started

    started = await supervisor().begin(unit)
    assert identity is not None
    return Accepted(identity, watch().permit(identity), started.ids, started.conversation_id, headers)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """All of a request that can be known without its user."""

    ask: Ask
    resolved: Resolved
    key: Key | None

    def send(self, identity: Identity) -> Send:
        ask, place = self.ask, self.ask.place(identity)
        return Send(
            user=identity.user,
            worker_id=supervisor().worker_id,
            resolved=self.resolved,
            names_model=ask.model is not None,
            origin=ask.origin,
            content=ask.content,
            conversation=place.conversation,
            parent=place.parent,
            user_message=place.user_message,
            instance=place.instance,
            greeting=place.greeting,
            character=place.character,
            parameters=ask.parameters,
            context=ask.context,
            key=self.key,
        )


async def _prepared(request: HttpRequest, read: Read) -> _Prepared | Problem:
    try:
        ask = read(request)
        return _Prepared(ask, await resolve(ask.model), _key(request, ask.body))
    except Problem as problem:
        return problem
    except ValidationError as error:
        return invalid_input(error)


async def resolve(model: str | None) -> Resolved:
    """Who answers for a model, or for the default; raises ModelNotOffered, naming `model`."""
    try:
        return await catalogue().resolve(model)
    except ModelUnknown:
        text = _("This model is not offered; see the list of models.")
        raise ModelNotOffered.field("model", text) from None


def _key(request: HttpRequest, body: Mapping[str, Any]) -> Key | None:
    """The request's Idempotency-Key, with the digest of what it asks for: address and body."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (1 <= len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        limit = {"limit": MAX_KEY}
        text = _("1 to %(limit)d printable ASCII characters are expected.") % limit
        raise InvalidInput.field("Idempotency-Key", text)
    asked = json.dumps([request.path_info, body], sort_keys=True, separators=(",", ":"))
    return Key(key, hashlib.sha256(asked.encode()).hexdigest())


# --- Answering ------------------------------------------------------------------------------------------------------


async def answered(
    accepted: Accepted, render: Callable[[Accepted], tuple[Any, Mapping[str, str]]]
) -> HttpResponse:
    """201 with what `render` reads from the database (body and headers) when the run has ended.

    Raises AnswerFailed for a run without an answer, NotFound when it was deleted meanwhile, Unauthenticated when the
    login ended; the answer goes on and is stored.
    """
    end = await tail.ended(accepted.ids.generation, accepted.permit)
    failed = failure(end, members(accepted))

    def unit() -> HttpResponse:
        headers = accepted.headers | quota.rate_limit_headers(quota.standing(accepted.identity.user))
        if failed:
            failed.headers.update(headers)
            raise failed
        body, more = render(accepted)
        return json_answer(body, 201, {**headers, **more})

    return await in_db(unit)


def streamed(accepted: Accepted) -> HttpResponseBase:
    """The live stream of the run from its first event."""
    return event_stream_response(tail.event_stream(accepted.ids, 0, accepted.permit), accepted.headers)


def members(accepted: Accepted) -> dict[str, str]:
    """What a problem says of a run that failed: the message is kept and can be answered anew."""
    return {
        "exchange": str(accepted.ids.user_message),
        "answer": str(accepted.ids.answer),
        "generation": str(accepted.ids.generation),
    }


def wants_stream(request: HttpRequest) -> bool:
    """Whether the client prefers the event stream; NotAcceptable when it takes neither that nor JSON."""
    preferred = request.get_preferred_type(["application/json", "text/event-stream"])
    if preferred is None:
        raise NotAcceptable(_("application/json and text/event-stream are offered."))
    return preferred == "text/event-stream"
