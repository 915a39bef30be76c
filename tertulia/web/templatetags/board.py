"""Tags and filters of everything that shows the quote board."""

from typing import Any

from django import template

from tertulia.quotes import queries

register = template.Library()

# As HTML names the script of a language, which decides the typeface.
_TAGS = {"zh": "zh-Hans"}


@register.filter
def lang(language: str) -> str:
    """The language of a line as the `lang` attribute wants it."""
    return _TAGS.get(language, language)


@register.simple_tag(takes_context=True)
def quote_news(context: dict[str, Any]) -> int:
    """On how many of the reader's lines staff have decided since the reader last looked."""
    user = context.get("user")
    return queries.news(user).count() if user is not None and user.is_authenticated else 0
