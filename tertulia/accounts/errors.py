"""Problems that only accounts have; they belong to the tree of `core.errors` and are rendered like all of it."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from tertulia.core.errors import Conflict, Forbidden, Unauthenticated


class CodeRequired(Unauthenticated):
    """The first step of a sign-in is done; `challenge` and a code of the second factor finish it."""

    slug, title = "mfa_required", _("A code is required")

    def __init__(self, challenge: str) -> None:
        super().__init__(_("Enter a code of your authenticator app, or a recovery code."))
        self.challenge = challenge

    def body(self) -> dict[str, Any]:
        return super().body() | {"challenge": self.challenge}


class AddressInUse(Conflict):
    """A provider names an address that an account here has: its owner signs in and links the two."""

    slug, title = "address_in_use", _("There is already an account with this e-mail address")


class AddressUnconfirmed(Forbidden):
    """The instance wants confirmed addresses, and the user's is not."""

    slug, title = "address_unconfirmed", _("Confirm your e-mail address first")
