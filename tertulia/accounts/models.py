"""Who may come in and how much they may ask: users, their logins and keys, the daily allowance and its ledger.

Accounts at other providers and second factors are allauth's tables, `SocialAccount` and `Authenticator`.
"""

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, Group, PermissionsMixin
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from tertulia.core import clock
from tertulia.core.ids import uuid7

# Who signs in at a provider that tells no address gets one here: the domain can never exist (RFC 2606 §2).
NO_ADDRESS_DOMAIN = "no-address.invalid"


class UserManager(BaseUserManager["User"]):
    """The manager that Django's own commands and allauth expect; the application writes through `actions`."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account; the e-mail address, kept in lower case, is the login."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(_("e-mail address"), max_length=254, unique=True)
    email_verified_at = models.DateTimeField(_("e-mail confirmed"), null=True, blank=True, editable=False)
    nickname = models.CharField(_("nickname"), max_length=40)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    language = models.CharField(_("language"), max_length=16, blank=True, default="")
    ip_address = models.GenericIPAddressField(_("last address"), null=True, blank=True)
    daily_quota = models.PositiveIntegerField(
        _("requests per day"), null=True, blank=True, help_text=_("Empty: the instance's setting.")
    )
    is_unlimited = models.BooleanField(
        _("unlimited"), default=False, help_text=_("No limit of requests, whatever else is set.")
    )
    is_staff = models.BooleanField(_("staff"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("joined"), default=clock.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["nickname"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique")]

    def __str__(self) -> str:
        return self.address or self.nickname

    @property
    def address(self) -> str:
        """The e-mail address to show and to write to; empty when the user has none."""
        return "" if self.email.endswith(f"@{NO_ADDRESS_DOMAIN}") else self.email

    def get_full_name(self) -> str:
        return self.nickname

    def get_short_name(self) -> str:
        return self.nickname


class Session(AbstractBaseSession):
    """One login, of a browser (cookie) or of an API client (JWT), or a visitor's session, which has no user.

    Django's own table does not say whose a session is: ending all logins of one user, and leaving nothing of an
    erased one, would mean reading every session of the instance.
    """

    class Carrier(models.TextChoices):
        BROWSER = "browser", _("browser")
        PROGRAM = "program", _("program")

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")
    carrier = models.CharField(max_length=10, choices=Carrier, default=Carrier.BROWSER)
    address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    seen_at = models.DateTimeField(default=clock.now)

    class Meta(AbstractBaseSession.Meta):
        abstract = False

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        # The store imports this model; Django asks for the class only when it decodes a row.
        from tertulia.accounts.sessions import SessionStore  # noqa: PLC0415

        return SessionStore


class FailedLogins(models.Model):
    """How often a password or code was tried in vain for one account, or a thing was asked for from one address.

    `digest` names what is counted without telling the account or the address.
    """

    digest = models.CharField(primary_key=True, max_length=64)
    count = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("failed logins")
        verbose_name_plural = _("failed logins")


class ApiKey(models.Model):
    """A named key of one user; only its SHA-256 is kept, with the first characters to recognise it by."""

    class Scope(models.TextChoices):
        ALL = "all", _("everything")
        CHAT = "chat", _("chat only")
        SPEECH = "speech", _("speech only")
        READ = "read", _("reading only")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("begins with"), max_length=12)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(_("may be used for"), max_length=10, choices=Scope, default=Scope.ALL)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"


class SignInLink(models.Model):
    """A link that signs its user in once; made for the owner on the first start. Only its SHA-256 is kept."""

    digest = models.CharField(primary_key=True, max_length=64)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("sign-in link")
        verbose_name_plural = _("sign-in links")


class Ticket(models.Model):
    """Something begun that its holder may finish once: a reset, a new address, a sign-in elsewhere or with a code.

    Only the token's SHA-256 is kept; taking a ticket removes it.
    """

    class Purpose(models.TextChoices):
        RESET = "reset", _("password reset")
        ADDRESS = "address", _("new e-mail address")
        SOCIAL = "social", _("sign-in at a provider")
        CODE = "code", _("second factor")
        PASSKEY = "passkey", _("passkey")

    digest = models.CharField(primary_key=True, max_length=64)
    purpose = models.CharField(max_length=10, choices=Purpose)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="tickets")
    payload = models.JSONField(default=dict)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")


class Invitation(models.Model):
    """A link by which one person may join while joining is by invitation. Only its SHA-256 is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    made_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    used_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(_("made"), default=clock.now, editable=False)
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(_("used"), null=True, blank=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")


class AuditEvent(models.Model):
    """One security event: what happened to whose account and who did it. It outlives the account, without its name.

    `detail` is a word of ours (a provider, a role), never a text of the user's; of OPENED the administrator's reason.
    """

    class Kind(models.TextChoices):
        JOIN = "join", _("joined")
        LOGIN = "login", _("signed in")
        FAILED_LOGINS = "failed_logins", _("too many failed sign-ins")
        PASSWORD = "password", _("password changed")
        RESET = "reset", _("password reset")
        ADDRESS = "address", _("e-mail address changed")
        KEY_MADE = "key_made", _("API key made")
        KEY_REVOKED = "key_revoked", _("API key revoked")
        LINKED = "linked", _("provider linked")
        UNLINKED = "unlinked", _("provider unlinked")
        FACTOR_ON = "factor_on", _("second factor switched on")
        FACTOR_OFF = "factor_off", _("second factor switched off")
        LOGINS_ENDED = "logins_ended", _("logins ended")
        ROLE = "role", _("role changed")
        SUSPENDED = "suspended", _("suspended")
        INVITED = "invited", _("invitation made")
        QUOTA = "quota", _("quota changed")
        EXPORT = "export", _("data exported")
        OPENED = "opened", _("conversation opened by an administrator")
        ERASED = "erased", _("account erased")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(_("when"), default=clock.now, db_index=True)
    kind = models.CharField(_("what"), max_length=20, choices=Kind)
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="audit_events")
    actor = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("by"),
        help_text=_("Empty: the user, or whoever runs the instance."),
    )  # fmt: skip
    detail = models.CharField(_("detail"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("security event")
        verbose_name_plural = _("security events")


class GroupQuota(models.Model):
    """A limit for all members of a group; of several groups the highest counts."""

    group = models.OneToOneField(Group, primary_key=True, on_delete=models.CASCADE, related_name="quota")
    daily_quota = models.PositiveIntegerField(
        _("requests per day"), null=True, blank=True, help_text=_("Empty: unlimited.")
    )

    class Meta:
        verbose_name = _("group's quota")
        verbose_name_plural = _("groups' quotas")


class QuotaBoost(models.Model):
    """Extra requests for one user on every day until an instant."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="boosts")
    units = models.PositiveIntegerField(_("extra requests per day"))
    until = models.DateTimeField(_("until"))
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = _("boost")
        verbose_name_plural = _("boosts")
        indexes = [models.Index(fields=["user", "until"], name="boost_user")]


class Allowance(models.Model):
    """What one user has used in the present quota day. One row per user: the counter that every request competes for.

    `resets_at` is the instant at which the day ends. It is fixed when the day begins, so that neither a clock set
    back nor a change of `time_zone` refills it.
    """

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="allowance")
    used = models.PositiveIntegerField(default=0)
    speech_used = models.PositiveIntegerField(default=0)
    resets_at = models.DateTimeField()
    time_zone = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("allowance")
        verbose_name_plural = _("allowances")


class LedgerEntry(models.Model):
    """One unit of the daily quota: accepted for a generation, and perhaps refunded with a reason.

    A unit of speech has the id of what was spoken or heard in the place of a generation's.
    """

    class Kind(models.TextChoices):
        CHAT = "chat", _("answer")
        SPEECH = "speech", _("speech")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="ledger")
    # A plain id: accounts stand below chat, and an entry outlives the conversation that it was spent in.
    generation_id = models.UUIDField(unique=True)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.CHAT)
    resets_at = models.DateTimeField(help_text=_("End of the quota day it counts in."))
    accepted_at = models.DateTimeField(default=clock.now)
    refunded_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger")
        indexes = [models.Index(fields=["user", "resets_at"], name="ledger_user_day")]
