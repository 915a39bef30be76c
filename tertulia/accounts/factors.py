"""The second factor: codes of an authenticator app (TOTP, RFC 6238) and recovery codes, in allauth's table.

`entering` asks for it when somebody signs in; the pages switch it on and off. Passkeys, which stand for it as well,
are in `passkeys`.
"""

import base64
import hashlib
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from allauth.mfa import app_settings
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import audit
from tertulia.accounts.models import User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import Conflict, InvalidInput

ISSUER = "Tertulia"
# Ours have 6 and 8 digits; people type blanks and dashes between them.
MAX_CODE = 40
# Recovery codes stand in for a factor; they are none.
_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class Adapter(DefaultMFAAdapter):  # type: ignore[misc]  # the package has no types
    """allauth's `MFA_ADAPTER`: a copy of the database alone gives no codes."""

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _cipher().decrypt(encrypted_text.encode()).decode()


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret that an authenticator app may take over; `url` is what the picture `svg` says."""

    secret: str
    url: str
    svg: str


def is_on(user: User) -> bool:
    """Whether signing in with a password takes a second step."""
    return bool(Authenticator.objects.filter(user=user, type__in=_FACTORS).exists())


def app_is_on(user: User) -> bool:
    """Whether an authenticator app is one of the user's second factors."""
    return bool(Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists())


def new_enrolment(user: User, secret: str = "") -> Enrolment:
    """A secret, new unless given, with the forms in which apps read it. Nothing is stored."""
    secret = secret or totp.generate_totp_secret()
    label = quote(f"{ISSUER}:{user.address or user.nickname}")
    url = f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': ISSUER})}"
    return Enrolment(secret, url, _picture(url))


def switch_on(*, user: User, secret: str, code: str) -> list[str]:
    """Ask for codes from now on; the recovery codes. `code` proves that the app has the secret.

    Raises InvalidInput naming `secret` or `code`, Conflict when an app is on.
    """
    if not totp_counter(_readable(secret), code):
        raise InvalidInput.field("code", _("This code does not fit. Is the clock of your device right?"))
    try:
        with transaction():
            totp.TOTP.activate(user, secret)
            codes = _new_recovery_codes(user)
            audit.record(audit.Kind.FACTOR_ON, user=user, detail="totp")
    except IntegrityError:
        raise Conflict(_("An authenticator app is already on.")) from None
    return codes


def switch_app_off(*, user: User) -> None:
    """Take no codes of an app any more; passkeys stay."""
    with transaction():
        if Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()[0]:
            forget_codes_without_factor(user)
            audit.record(audit.Kind.FACTOR_OFF, user=user, detail="totp")


def switch_off(*, user: User, actor: User | None = None) -> None:
    """Ask for no second step any more: for who has lost everything."""
    with transaction():
        if Authenticator.objects.filter(user=user).delete()[0]:
            audit.record(audit.Kind.FACTOR_OFF, user=user, actor=actor)


def forget_codes_without_factor(user: User) -> None:
    """Recovery codes go with the last factor, in the caller's transaction."""
    if not is_on(user):
        Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()


def renew_recovery_codes(*, user: User) -> list[str]:
    """Ten new recovery codes; those before no longer work. Raises Conflict while no factor is on."""
    with transaction():
        if not is_on(user):
            raise Conflict(_("No second factor is on."))
        return _new_recovery_codes(user)


def recovery_codes_left(user: User) -> int:
    """How many recovery codes have not been used."""
    row = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    return int(app_settings.RECOVERY_CODE_COUNT - row.data["used_mask"].bit_count()) if row else 0


def accepts(*, user: User, code: str) -> bool:
    """Whether a code of either kind is right; each works once, on whatever process."""
    with transaction():
        rows = {row.type: row for row in Authenticator.objects.select_for_update().filter(user=user)}
        app, codes = rows.get(Authenticator.Type.TOTP), rows.get(Authenticator.Type.RECOVERY_CODES)
        try:
            return bool(
                (app and _accepts_app_code(app, code)) or (codes and RecoveryCodes(codes).validate_code(code))
            )
        except InvalidToken:  # SECRET_KEY was changed: staff switch the factor off
            return False


def totp_counter(secret: str, code: str) -> int | None:
    """The number of the half minute that a code belongs to, of those that are accepted now."""
    for counter in totp.yield_hotp_counters_from_time():
        expected = totp.format_hotp_value(totp.hotp_value(secret, counter))
        if totp.compare_user_code(actual=code, expected=expected):
            return int(counter)
    return None


def _accepts_app_code(app: Authenticator, code: str) -> bool:
    """Later than the last one used (RFC 6238 §5.2). allauth keeps that in a cache, which processes do not share."""
    counter = totp_counter(Adapter().decrypt(app.data["secret"]), code)
    if counter is None or counter <= app.data.get("last_counter", 0):
        return False
    app.data = app.data | {"last_counter": counter}
    app.last_used_at = clock.now()
    app.save(update_fields=["data", "last_used_at"])
    return True


def _new_recovery_codes(user: User) -> list[str]:
    Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()
    return list(RecoveryCodes.activate(user).get_unused_codes())


def _readable(secret: str) -> str:
    try:
        if len(base64.b32decode(secret, casefold=True)) >= 16:
            return secret
    except ValueError:
        pass
    raise InvalidInput.field("secret", _("Not a secret of this page. Start again."))


def _picture(url: str) -> str:
    # Only who switches it on sees one: a hundredth of a start for everybody else.
    import qrcode  # type: ignore[import-untyped]  # noqa: PLC0415
    from qrcode.image.svg import SvgPathImage  # type: ignore[import-untyped]  # noqa: PLC0415

    return str(qrcode.make(url, image_factory=SvgPathImage).to_string(encoding="unicode"))


def _cipher() -> Fernet:
    key = hashlib.sha256(b"tertulia.accounts.factors:" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
