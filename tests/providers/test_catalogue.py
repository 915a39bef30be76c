"""Which provider answers for which model, and when the provider's list is asked for."""

import asyncio

import pytest

from tertulia.providers.base import Provider
from tertulia.providers.catalogue import Catalogue, ModelInfo, Resolved
from tertulia.providers.errors import ModelUnknown, ProviderError
from tertulia.providers.offline import OfflineProvider
from tests.provider import ScriptedProvider
from tests.provider.server import refused_url
from tests.providers.asking import said, whole
from tests.providers.conftest import MakeProvider

OFFLINE = OfflineProvider(pace=0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def catalogue(
    remote: Provider | None, default_model: str | None = None, clock: Clock | None = None
) -> Catalogue:
    return Catalogue(remote, OFFLINE, default_model, clock or Clock())


async def listed(models: Catalogue) -> list[str]:
    return [model.id for model in await models.models()]


@pytest.mark.parametrize("requested", [None, "offline"])
@pytest.mark.parametrize("default", [None, "gpt-y"])
async def test_without_a_provider_everything_is_offline(requested: str | None, default: str | None) -> None:
    models = catalogue(None, default)
    assert await models.models() == [ModelInfo("offline", "offline")]
    assert await models.resolve(requested) == Resolved(OFFLINE, "offline")
    await models.close()


async def test_without_a_provider_another_model_is_unknown() -> None:
    with pytest.raises(ModelUnknown):
        await catalogue(None, None).resolve("gpt-x")


async def test_chat_models_are_offered_and_offline_is_last(make_provider: MakeProvider) -> None:
    assert await catalogue(make_provider()).models() == [
        ModelInfo("scripted-small", "openai"),
        ModelInfo("scripted-large", "openai"),
        ModelInfo("scripted-strict", "openai"),
        ModelInfo("offline", "offline"),
    ]


@pytest.mark.parametrize(
    ("requested", "default", "model"),
    [
        (None, None, "scripted-small"),
        ("", "", "scripted-small"),
        (None, "scripted-large", "scripted-large"),
        (None, "my-deployment", "my-deployment"),
        ("my-deployment", "my-deployment", "my-deployment"),
        ("scripted-large", "my-deployment", "scripted-large"),
        ("text-embedding-x", None, "text-embedding-x"),
    ],
)
async def test_what_the_provider_has_is_the_providers(
    make_provider: MakeProvider, requested: str | None, default: str | None, model: str
) -> None:
    remote = make_provider()
    assert await catalogue(remote, default).resolve(requested) == Resolved(remote, model)


@pytest.mark.parametrize(("requested", "default"), [("offline", None), (None, "offline"), ("offline", "x")])
async def test_offline_can_always_be_chosen(
    make_provider: MakeProvider, requested: str | None, default: str | None
) -> None:
    assert await catalogue(make_provider(), default).resolve(requested) == Resolved(OFFLINE, "offline")


async def test_an_unlisted_model_is_unknown(make_provider: MakeProvider) -> None:
    with pytest.raises(ModelUnknown) as raised:
        await catalogue(make_provider(), "my-deployment").resolve("nonesuch")
    assert raised.value.requested == "nonesuch"


async def test_an_unlisted_default_is_offered_first(make_provider: MakeProvider) -> None:
    assert (await listed(catalogue(make_provider(), "my-deployment")))[:2] == [
        "my-deployment",
        "scripted-small",
    ]
    assert (await listed(catalogue(make_provider(), "scripted-large")))[0] == "scripted-small"
    assert (await listed(catalogue(make_provider(), "offline"))).count("offline") == 1


@pytest.mark.parametrize(
    ("models", "chosen"),
    [
        (
            (
                "text-embedding-3-small", "whisper-1", "tts-1-hd", "dall-e-3", "gpt-image-1",
                "omni-moderation-latest", "gpt-4o-realtime-preview", "gpt-4o-audio-preview",
                "gpt-4o-transcribe", "sora-2", "babbage-002", "davinci-002", "gpt-3.5-turbo-instruct",
                "bge-reranker-v2", "gpt-5-mini",
            ),
            "gpt-5-mini",
        ),
        (("nomic-embed-text", "llama-3.1-8b-instruct"), "llama-3.1-8b-instruct"),
        (("only-embeddings",), "only-embeddings"),
        ((), "default"),
    ],
)  # fmt: skip
async def test_the_default_is_the_first_model_for_chat(
    scripted: ScriptedProvider, make_provider: MakeProvider, models: tuple[str, ...], chosen: str
) -> None:
    scripted.routes.models = models
    remote = make_provider()
    assert await catalogue(remote).resolve() == Resolved(remote, chosen)
    assert await listed(catalogue(remote)) == [chosen, "offline"]


async def test_a_provider_without_a_list_is_taken_at_its_word(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    scripted.routes.models_status = 404
    remote = make_provider()
    assert await catalogue(remote).resolve() == Resolved(remote, "default")
    assert await catalogue(remote).resolve("any") == Resolved(remote, "any")
    assert await listed(catalogue(remote)) == ["default", "offline"]
    assert await listed(catalogue(remote, "mine")) == ["mine", "offline"]


async def test_a_provider_out_of_reach_fails_when_it_is_streamed(make_provider: MakeProvider) -> None:
    remote = make_provider(base_url=refused_url())
    models = catalogue(remote)
    assert await listed(models) == ["offline"]
    assert await models.resolve("any") == Resolved(remote, "any")
    resolved = await models.resolve()
    assert (resolved.provider.name, resolved.model) == ("openai", "default")
    for ask in (whole(resolved.provider, said("hello")), resolved.provider.models()):
        with pytest.raises(ProviderError) as raised:
            await ask
        assert raised.value.slug == "provider_unreachable"
    await resolved.provider.close()
    assert await catalogue(remote, "mine").resolve() == Resolved(remote, "mine")
    assert await listed(catalogue(remote, "mine")) == ["mine", "offline"]


async def test_the_list_is_kept_for_a_minute(scripted: ScriptedProvider, make_provider: MakeProvider) -> None:
    clock = Clock()
    models = catalogue(make_provider(), clock=clock)
    await models.models()
    scripted.routes.models = ("new",)
    clock.now += 59
    assert await listed(models) == ["scripted-small", "scripted-large", "scripted-strict", "offline"]
    assert scripted.log.model_lists == 1
    clock.now += 2
    assert await listed(models) == ["new", "offline"]
    assert scripted.log.model_lists == 2


async def test_a_message_does_not_wait_for_an_old_list_to_be_renewed(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    clock = Clock()
    models = catalogue(make_provider(), clock=clock)
    await models.models()
    scripted.routes.models = ("new",)
    clock.now += 61
    assert (await models.resolve()).model == "scripted-small"
    assert await listed(models) == ["new", "offline"]
    assert (await models.resolve()).model == "new"
    assert scripted.log.model_lists == 2


async def test_a_model_newer_than_the_list_is_looked_up(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    clock = Clock()
    models = catalogue(make_provider(), clock=clock)
    await models.models()
    scripted.routes.models = ("new",)
    clock.now += 61
    assert (await models.resolve("new")).model == "new"
    with pytest.raises(ModelUnknown):
        await models.resolve("scripted-small")


async def test_the_last_good_list_serves_ten_minutes_of_faults(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    clock = Clock()
    models = catalogue(make_provider(), clock=clock)
    await models.models()
    scripted.routes.models_status = 500
    clock.now += 599
    assert (await listed(models))[0] == "scripted-small"
    assert (await models.resolve()).model == "scripted-small"
    with pytest.raises(ModelUnknown):
        await models.resolve("nonesuch")
    clock.now += 2
    assert await listed(models) == ["offline"]
    assert (await models.resolve("nonesuch")).model == "nonesuch"


async def test_a_failing_provider_is_not_asked_for_every_message(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    clock = Clock()
    models = catalogue(make_provider(), clock=clock)
    scripted.routes.models_status = 500
    for _ in range(5):
        await models.resolve()
    assert scripted.log.model_lists == 1
    scripted.routes.models_status = 200
    clock.now += 5
    assert (await models.resolve()).model == "scripted-small"


async def test_concurrent_callers_share_one_look_up(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    models = catalogue(make_provider())
    gone = asyncio.create_task(models.resolve())
    await asyncio.sleep(0)
    others = [asyncio.create_task(models.resolve("scripted-large")) for _ in range(20)]
    await asyncio.sleep(0)
    gone.cancel()
    assert {resolved.model for resolved in await asyncio.gather(*others)} == {"scripted-large"}
    assert scripted.log.model_lists == 1
