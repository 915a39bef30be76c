"""The only way from an id in a request to a quote. The board is one for all: every member sees every line."""

from tertulia.core.errors import NotFound
from tertulia.quotes.models import Quote, QuoteReport

# With what they return, so that interfaces, which import no models, can name its type.
__all__ = ["Quote", "QuoteReport", "quote_by_id"]


def quote_by_id(quote_id: int) -> Quote:
    """A quote with its author; raises NotFound."""
    quote = Quote.objects.select_related("user").filter(id=quote_id).first()
    if quote is None:
        raise NotFound
    return quote
