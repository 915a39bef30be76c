"""Passkeys (WebAuthn Level 3, https://www.w3.org/TR/webauthn-3/), in allauth's table of authenticators.

The pages register, rename and remove them; `entering` lets people in by them: as the second step after the password,
or alone, when the device has also made sure of its owner.
"""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import audit, factors, tickets, validation
from tertulia.accounts.models import User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import Conflict, InvalidInput, NotFound, Problem

# Loaded where it is needed: with its list of public suffixes it is a twentieth of a start.
if TYPE_CHECKING:
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestedCredentialData, AuthenticationResponse, RegistrationResponse

MAX_PASSKEYS = 20
# A browser's answer, in characters; with an attestation that is not even asked for it has some 3,000.
MAX_ANSWER = 16_384
# From the page to the touch of the device.
LIFETIME = timedelta(minutes=10)

# What reading an answer of somebody's own making may raise: JSON, base64, CBOR and keys are nested in it.
_UNREADABLE = (
    ValueError, TypeError, LookupError, AttributeError, AssertionError, RuntimeError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ceremony:
    """Something that a device is asked for: `options` for the browser (JSON), `token` for whoever brings the answer."""

    token: str
    options: str


@dataclass(frozen=True, slots=True)
class Passkey:
    """A registered passkey, as its owner sees it."""

    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


def are_possible(host: str) -> bool:
    """Whether passkeys can be tied to the name under which a browser reaches this instance: an address is none."""
    try:
        ip_address(_domain(host).strip("[]"))
    except ValueError:
        return True
    return False


def of(user: User) -> list[Passkey]:
    """The user's passkeys, the oldest first."""
    return [Passkey(row.pk, row.data["name"], row.created_at, row.last_used_at) for row in _rows(user)]


# --- Registering ----------------------------------------------------------------------------------------------------


def begin_registration(*, user: User, name: str, host: str) -> Ceremony:
    """Ask for a new passkey, to be called `name`. Raises InvalidInput naming `name`, Conflict beyond MAX_PASSKEYS."""
    from fido2 import webauthn  # noqa: PLC0415  (see above)

    name = validation.key_name(name)
    known = _credentials(_rows(user))
    if len(known) >= MAX_PASSKEYS:
        raise Conflict(_("At most %(limit)d passkeys. Remove one first.") % {"limit": MAX_PASSKEYS})
    options, state = _server(host).register_begin(
        webauthn.PublicKeyCredentialUserEntity(
            id=user.pk.bytes, name=user.address or user.nickname, display_name=user.nickname
        ),
        credentials=known,
        resident_key_requirement=webauthn.ResidentKeyRequirement.PREFERRED,
        user_verification=webauthn.UserVerificationRequirement.PREFERRED,
    )
    return _ceremony(user, options, {"state": state, "name": name})


def register(*, user: User, token: str, answer: str, host: str) -> list[str]:
    """Store the passkey that a device made; the recovery codes that come with the first factor, else nothing.

    Raises InvalidInput naming `answer`.
    """
    begun = _taken(token, user)
    with _readable():
        response = _registration(_parsed(answer))
        made = _server(host).register_complete(begun["state"], response)
    data = {"name": begun["name"], "credential": _plain(response), "counter": made.counter}
    with transaction():
        has_codes = factors.is_on(user)
        Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data=data)
        audit.record(audit.Kind.FACTOR_ON, user=user, detail="passkey")
        return [] if has_codes else factors.renew_recovery_codes(user=user)


def rename(*, user: User, passkey_id: int, name: str) -> None:
    """Call a passkey something else. Raises InvalidInput naming `name`, NotFound."""
    name = validation.key_name(name)
    with transaction():
        row = _locked(user, passkey_id)
        row.data = row.data | {"name": name}
        row.save(update_fields=["data"])


def remove(*, user: User, passkey_id: int) -> None:
    """Let a passkey open nothing any more. Raises NotFound."""
    with transaction():
        _locked(user, passkey_id).delete()
        factors.forget_codes_without_factor(user)
        audit.record(audit.Kind.FACTOR_OFF, user=user, detail="passkey")


# --- Signing in -----------------------------------------------------------------------------------------------------


def begin_sign_in(*, host: str, user: User | None = None) -> Ceremony:
    """Ask for a passkey of `user`, after the password, or of anybody whose device makes sure of its owner."""
    from fido2.webauthn import UserVerificationRequirement as Verification  # noqa: PLC0415  (see above)

    credentials = _credentials(_rows(user)) if user else None
    verification = Verification.PREFERRED if user else Verification.REQUIRED
    options, state = _server(host).authenticate_begin(credentials, user_verification=verification)
    return _ceremony(user, options, {"state": state})


def user_of(*, token: str, answer: str, host: str, user: User | None = None) -> User:
    """Whose passkey has answered; `user` is whom the ceremony was begun for. Raises InvalidInput naming `answer`."""
    from fido2.webauthn import AuthenticationResponse  # noqa: PLC0415  (see above)

    begun = _taken(token, user)
    with _readable():
        response = AuthenticationResponse.from_dict(_parsed(answer))
    owner = user or _owner(response)
    with transaction():
        rows = list(_rows(owner).select_for_update()) if owner else []
        with _readable():
            used = _server(host).authenticate_complete(begun["state"], _credentials(rows), response)
        row = next(row for row in rows if _credential(row).credential_id == used.credential_id)
        _note_use(row, response.response.authenticator_data.counter)
    assert owner is not None
    return owner


def _note_use(row: Authenticator, counter: int) -> None:
    """A device that counts never repeats itself: two of them are one and its copy (WebAuthn §6.1.1)."""
    if (counter or row.data["counter"]) and counter <= row.data["counter"]:
        raise _refused()
    row.data = row.data | {"counter": counter}
    row.last_used_at = clock.now()
    row.save(update_fields=["data", "last_used_at"])


def _owner(response: "AuthenticationResponse") -> User | None:
    """Whom the device says it belongs to; its signature proves it."""
    handle = response.response.user_handle
    if not handle or len(handle) != 16:
        return None
    return User.objects.filter(pk=UUID(bytes=handle), is_active=True).first()


# --- What both have in common ---------------------------------------------------------------------------------------


def _server(host: str) -> "Fido2Server":
    """Answers count for the name in the address bar only, over https or on the own machine."""
    from fido2.server import Fido2Server  # noqa: PLC0415  (see above)
    from fido2.webauthn import PublicKeyCredentialRpEntity  # noqa: PLC0415

    return Fido2Server(PublicKeyCredentialRpEntity(name=factors.ISSUER, id=_domain(host)))


def _domain(host: str) -> str:
    """A Host header without its port."""
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def _ceremony(user: User | None, options: Any, payload: Mapping[str, Any]) -> Ceremony:
    token = tickets.issue(tickets.Purpose.PASSKEY, lifetime=LIFETIME, user=user, payload=payload)
    return Ceremony(token, json.dumps(dict(options.public_key)))


def _taken(token: str, user: User | None) -> Mapping[str, Any]:
    """What a ceremony was begun with, once."""
    ticket = tickets.take(tickets.Purpose.PASSKEY, token)
    if ticket is None or ticket.user != user:
        raise InvalidInput.field("answer", _("This took too long. Try again."))
    payload: dict[str, Any] = ticket.payload
    return payload


def _parsed(answer: str) -> dict[str, Any]:
    parsed = json.loads(answer) if len(answer) <= MAX_ANSWER else None
    if not isinstance(parsed, dict):
        raise TypeError
    return parsed


def _registration(told: Mapping[str, Any]) -> "RegistrationResponse":
    from fido2.webauthn import RegistrationResponse  # noqa: PLC0415  (see above)

    return RegistrationResponse.from_dict(told)


def _plain(response: "RegistrationResponse") -> dict[str, Any]:
    """The fields that the standard knows, as plain JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(response)))
    return plain


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except Problem:
        raise
    except _UNREADABLE:
        raise _refused() from None


def _refused() -> InvalidInput:
    return InvalidInput.field("answer", _("This passkey was not accepted."))


def _rows(user: User) -> Any:
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).order_by("pk")


def _locked(user: User, passkey_id: int) -> Authenticator:
    row = _rows(user).select_for_update().filter(pk=passkey_id).first()
    if row is None:
        raise NotFound
    return row


def _credentials(rows: Sequence[Authenticator]) -> "list[AttestedCredentialData]":
    return [_credential(row) for row in rows]


def _credential(row: Authenticator) -> "AttestedCredentialData":
    response = _registration(row.data["credential"])
    credential: AttestedCredentialData | None = response.response.attestation_object.auth_data.credential_data
    assert credential is not None
    return credential
