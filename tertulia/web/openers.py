"""What an empty page offers to begin with; the chat page shows it."""

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from tertulia.core.errors import Text

OPENERS: Sequence[Text] = (
    _("Find me a line about beginning again."),
    _("Who waits for spring, and in which play?"),
    _("Help me write a letter to an old friend."),
    _("Explain something difficult in simple words."),
)
# Without a language model an answer is a search: what is offered then must be found, in every language.
OFFLINE_OPENERS: Sequence[Text] = (
    _("Find me a line about the sea."),
    _("What is said about hope?"),
    _("Is there a line about the truth?"),
    _("A line about friendship, please."),
)
