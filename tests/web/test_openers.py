"""What an empty page offers to begin with."""

import pytest
from django.conf import settings
from django.utils import translation

from tertulia.providers.base import ChatMessage, ChatRequest
from tertulia.providers.offline import OFFLINE_MODEL, compose
from tertulia.web.openers import OFFLINE_OPENERS


@pytest.mark.parametrize("number", range(len(OFFLINE_OPENERS)))
@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
def test_what_is_offered_without_a_model_is_found(language: str, number: int) -> None:
    with translation.override(language):
        said = ChatMessage(role="user", content=str(OFFLINE_OPENERS[number]))
    answer = compose(ChatRequest(model=OFFLINE_MODEL, messages=(said,), language=language))
    assert answer.sources, said.content
