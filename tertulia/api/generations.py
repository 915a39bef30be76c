"""/api/generations: the state of a run, its stream of events from any position, and Stop."""

import asyncio
from contextlib import suppress

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.accounts import gate
from tertulia.accounts.gate import Identity
from tertulia.accounts.watching import watch
from tertulia.api.describing import EVENTS, LAST_EVENT_ID, problems, shape
from tertulia.api.endpoint import Endpoint, id_from, identity_of, json_answer
from tertulia.api.outputs import GenerationOutput, generation_output
from tertulia.chat import access
from tertulia.chat.access import Generation
from tertulia.chat.generation import log, tail
from tertulia.chat.generation.events import Ids
from tertulia.chat.generation.supervisor import supervisor
from tertulia.core.db import in_db
from tertulia.core.errors import InvalidInput, NotFound
from tertulia.core.sse import event_stream_response

# Another process looks every second for runs that it shall stop.
STOP_WAIT = 2.0


class GenerationView(Endpoint):
    key_scope = "chat"

    @extend_schema(responses={200: shape(GenerationOutput), **problems(404)})
    def get(self, request: Request, generation_id: str) -> Response:
        """The state of a run."""
        generation = access.generation_for(identity_of(request).user, id_from(generation_id))
        return Response(generation_output(generation))


class EventsView(Endpoint):
    key_scope = "chat"

    @extend_schema(
        parameters=LAST_EVENT_ID,
        responses={(200, "text/event-stream"): EVENTS, **problems(400, 404)},
    )
    async def get(self, request: HttpRequest, generation_id: str) -> HttpResponseBase:
        """The events of a run behind a position, live or long ended.

        The end comes in any case: after a crash a reader may have seen more than was stored, and trims to its `length`.
        A stream that closes without it is asked for again; a reader whose login has ended is then refused.
        """
        identity, generation = await in_db(_found, request, generation_id)
        position = _position(request)
        if generation.answer_id is None:
            raise NotFound(_("This run writes no answer."))
        ids = Ids(generation.id, generation.user_message_id, generation.answer_id)
        return event_stream_response(tail.event_stream(ids, position, watch().permit(identity)))


class StopView(Endpoint):
    key_scope = "chat"

    @extend_schema(
        request=None, responses={200: shape(GenerationOutput), 202: shape(GenerationOutput), **problems(404)}
    )
    async def post(self, request: HttpRequest, generation_id: str) -> HttpResponse:
        """Stop a run and keep what it wrote; 202 when its process has not ended it yet."""
        generation = await in_db(_mine, request, generation_id)
        if generation.status == "running":
            await _stop(generation)
            generation = await in_db(_mine, request, generation_id)
        status = 202 if generation.status == "running" else 200
        return json_answer(generation_output(generation), status)


def _found(request: HttpRequest, generation_id: str) -> tuple[Identity, Generation]:
    identity = gate.require(request)
    return identity, access.generation_for(identity.user, id_from(generation_id))


def _mine(request: HttpRequest, generation_id: str) -> Generation:
    return _found(request, generation_id)[1]


async def _stop(generation: Generation) -> None:
    if not supervisor().stop(generation.id):
        await in_db(log.request_stop, generation.id)
    with suppress(TimeoutError):
        await asyncio.wait_for(tail.ended(generation.id), STOP_WAIT)


def _position(request: HttpRequest) -> int:
    """What the reader has seen, by the header that a reconnecting reader sends, or by the parameter."""
    for name, text in (
        ("Last-Event-ID", request.headers.get("Last-Event-ID")),
        ("last_event_id", request.GET.get("last_event_id")),
    ):
        if text:
            if not (text.isascii() and text.isdigit() and len(text) <= 10):
                raise InvalidInput.field(
                    name, _("The position of an event is expected: a whole number from 0.")
                )
            return int(text)
    return 0
