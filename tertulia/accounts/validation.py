"""The rules for what users say of themselves; `actions` and `createuser` call it. Every fault names its field."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from tertulia.accounts.models import NO_ADDRESS_DOMAIN, User
from tertulia.core.errors import InvalidInput

MAX_EMAIL = 254  # RFC 5321 §4.5.3.1.3, as erratum 1690 of RFC 3696 explains
MAX_NICKNAME = 40
MAX_KEY_NAME = 80
# As the column of a security event.
MAX_REASON = 200
# Hashing takes the whole password; no passphrase is longer.
MAX_PASSWORD = 256

# Line and paragraph separators, and marks that turn the direction of the text around the name.
_MISLEADING = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def cleaned(values: Mapping[str, str]) -> dict[str, str]:
    """The values of `email`, `nickname`, `time_zone`, `language`, normalised; InvalidInput names all that are wrong."""
    clean: dict[str, str] = {}
    errors: dict[str, list[str]] = {}
    for name, value in values.items():
        try:
            clean[name] = _CLEANERS[name](value)
        except ValidationError as error:
            errors[name] = error.messages
    if errors:
        raise InvalidInput(next(iter(errors.values()))[0], errors=errors)
    return clean


def normal_email(text: str) -> str:
    """The form in which addresses are compared and kept."""
    return unicodedata.normalize("NFC", text).strip().lower()


def key_name(text: str) -> str:
    """The name of an API key, normalised; InvalidInput names `name`."""
    with _naming("name"):
        return _label(text, MAX_KEY_NAME)


def reason(text: str) -> str:
    """Why something was done, in one line, normalised; InvalidInput names `reason`."""
    with _naming("reason"):
        return _label(text, MAX_REASON)


def check_password_form(password: str, field: str = "password") -> None:
    """Raise InvalidInput, naming `field`, for what cannot be a password: unreadable or beyond MAX_PASSWORD."""
    with _naming(field):
        _refuse_unreadable(password)
        _refuse_longer(password, MAX_PASSWORD)


def check_password_rules(password: str, *, email: str, nickname: str) -> None:
    """Raise InvalidInput, naming `password`, for one that is easy to guess."""
    check_password_form(password)
    with _naming("password"):
        password_validation.validate_password(password, User(email=email, nickname=nickname))


def needs_confirmation(user: User) -> bool:
    """Whether the user must open the link sent to their address before anything is asked of a model."""
    return bool(settings.TERTULIA_VERIFY_EMAIL and user.email_verified_at is None and user.address)


@contextmanager
def _naming(field: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise InvalidInput(error.messages[0], errors={field: error.messages}) from None


def _email(text: str) -> str:
    email = normal_email(text)
    _refuse_unreadable(email)
    _refuse_longer(email, MAX_EMAIL)
    validate_email(email)
    if email.endswith(f"@{NO_ADDRESS_DOMAIN}"):
        raise ValidationError(_("No message ever arrives at this address."))
    return email


def _nickname(text: str) -> str:
    return _label(text, MAX_NICKNAME)


def _label(text: str, limit: int) -> str:
    """One line of visible text."""
    label = unicodedata.normalize("NFC", text).strip()
    _refuse_unreadable(label)
    _refuse_longer(label, limit)
    if any(unicodedata.category(character) == "Cc" or character in _MISLEADING for character in label):
        raise ValidationError(_("Control characters are not allowed."))
    if not any(character.isprintable() and not character.isspace() for character in label):
        raise ValidationError(_("At least one visible character is required."))
    return label


def _time_zone(text: str) -> str:
    if text and text not in _time_zones():
        raise ValidationError(_("Not a name of the IANA time zone database, such as Asia/Seoul."))
    return text


def _language(text: str) -> str:
    codes = [code for code, _name in settings.LANGUAGES]
    if text and text not in codes:
        raise ValidationError(_("One of these: %(codes)s.") % {"codes": ", ".join(codes)})
    return text


def _refuse_unreadable(text: str) -> None:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValidationError(_("NUL and lone surrogates are not allowed."))


def _refuse_longer(text: str, limit: int) -> None:
    if len(text) > limit:
        raise ValidationError(_("At most %(limit)d characters.") % {"limit": limit})


@cache
def _time_zones() -> frozenset[str]:
    """Read once: the list is a walk through some 600 files."""
    return frozenset(available_timezones())


_CLEANERS: Mapping[str, Callable[[str], str]] = {
    "email": _email,
    "nickname": _nickname,
    "time_zone": _time_zone,
    "language": _language,
}
