"""Answers for scripts: one question on the same path as any other, from a process that serves nobody.

`tertulia ask` and `tertulia.chat.generate_text` are the callers. The run is stored, counted and logged like every run;
a supervisor of its own owns it while it lives.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from threading import Lock
from typing import Any
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import queries as accounts
from tertulia.accounts.models import User
from tertulia.characters import queries as characters
from tertulia.characters.models import Instance
from tertulia.chat.generation import events
from tertulia.chat.generation.events import End
from tertulia.chat.generation.models import catalogue
from tertulia.chat.generation.start import Send, Started, check_content, start_generation
from tertulia.chat.generation.supervisor import Supervisor
from tertulia.chat.generation.tail import Tail
from tertulia.chat.models import Conversation
from tertulia.core.errors import GenerationFailed, InvalidInput
from tertulia.providers.catalogue import Resolved
from tertulia.providers.errors import FAULTS, ModelUnknown
from tertulia.quotes import meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a script asks. `user` is the e-mail address of whose account it is, else the first administrator's;
    `instance` the name of one of that user's. `parameters` are those of Parameters."""

    prompt: str
    user: str | None = None
    instance: str | None = None
    model: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


def answer(question: Question, show: Callable[[str], object]) -> End:
    """Ask and wait; `show` gets the text piece by piece.

    Raises InvalidInput naming the field, OverQuota, GenerationFailed with the provider's slug, RuntimeError on a thread
    with a running event loop. KeyboardInterrupt stops the run; what was said is kept.
    """
    with _one_at_a_time:
        return _runner().run(_answer(question, show))


_one_at_a_time = Lock()


@cache
def _runner() -> asyncio.Runner:
    """One loop for all calls: what waits for events anywhere in the process belongs to one."""
    return asyncio.Runner()


async def _answer(question: Question, show: Callable[[str], object]) -> End:
    try:
        resolved = await _resolve(question.model)
        await meaning.prepare(question.prompt, lambda: _asker(question.user))
        return await _generated(question, resolved, show)
    finally:
        # Whatever was refused: a provider may have been asked for its models.
        await catalogue().close()
        if model := meaning.meaning():
            await model.close()


async def _generated(question: Question, resolved: Resolved, show: Callable[[str], object]) -> End:
    process = Supervisor()
    await process.open(remembers=False)
    try:
        started = await process.begin(partial(_start, question, resolved, process.worker_id))
        return _judged(await _shown(started.ids.generation, process, show))
    finally:
        await process.close()


async def _resolve(model: str | None) -> Resolved:
    try:
        return await catalogue().resolve(model)
    except ModelUnknown:
        raise InvalidInput.field("model", _("This model is not offered.")) from None


def _start(question: Question, resolved: Resolved, worker_id: UUID) -> Started:
    user = _asker(question.user)
    return start_generation(
        Send(
            user=user,
            worker_id=worker_id,
            resolved=resolved,
            names_model=question.model is not None,
            origin=Conversation.Origin.SCRIPT,
            content=check_content(question.prompt),
            instance=_speaker(user, question.instance),
            parameters=dict(question.parameters),
        )
    )


def _asker(email: str | None) -> User:
    if email is not None:
        found = accounts.user_by_email(email)
    else:
        found = User.objects.filter(is_superuser=True, is_active=True).order_by("created_at").first()
    if found is None or not found.is_active:
        raise InvalidInput.field("user", _("There is no such account."))
    return found


def _speaker(user: User, name: str | None) -> Instance | None:
    instance = characters.instance_named(user, name) if name is not None else None
    if name is not None and instance is None:
        raise InvalidInput.field("instance", _("There is no such instance."))
    return instance


async def _shown(generation_id: UUID, process: Supervisor, show: Callable[[str], object]) -> End:
    tail = Tail(generation_id, owner=process)
    try:
        while True:
            batch = await tail.next()
            if text := events.text_of(batch.pieces, events.DELTA):
                show(text)
            if batch.end:
                return batch.end
    except asyncio.CancelledError:
        process.stop(generation_id)
        # Its end is stored before the process is closed, which would call it interrupted.
        while (await tail.next()).end is None:
            pass
        raise


def _judged(end: End) -> End:
    if end.status == "failed":
        fault = FAULTS.get(end.error)
        raise GenerationFailed(
            end.error, fault.status if fault else 500, gettext(fault.detail) if fault else ""
        )
    if end.status == "interrupted":
        raise GenerationFailed("interrupted", 503, _("The answer was interrupted."))
    return end
