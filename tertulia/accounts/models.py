"""Who may come in and how much they may ask: users, their logins and keys, the daily allowance and its ledger."""

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from tertulia.core import clock
from tertulia.core.ids import uuid7


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
    nickname = models.CharField(_("nickname"), max_length=40)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    language = models.CharField(_("language"), max_length=16, blank=True, default="")
    ip_address = models.GenericIPAddressField(_("last address"), null=True, blank=True)
    daily_quota = models.PositiveIntegerField(
        _("requests per day"), null=True, blank=True, help_text=_("Empty: the instance's setting.")
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
        return self.email

    def get_full_name(self) -> str:
        return self.nickname

    def get_short_name(self) -> str:
        return self.nickname


class Session(AbstractBaseSession):
    """One login, of a browser (cookie) or of an API client (JWT), or a visitor's session, which has no user.

    Django's own table does not say whose a session is: ending all logins of one user, and leaving nothing of an
    erased one, would mean reading every session of the instance.
    """

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")

    class Meta(AbstractBaseSession.Meta):
        abstract = False

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        # The store imports this model; Django asks for the class only when it decodes a row.
        from tertulia.accounts.sessions import SessionStore  # noqa: PLC0415

        return SessionStore


class FailedLogins(models.Model):
    """How often a password was tried in vain for one account; `digest` names it without telling the address."""

    digest = models.CharField(primary_key=True, max_length=64)
    count = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("failed logins")
        verbose_name_plural = _("failed logins")


class ApiKey(models.Model):
    """A named key of one user; only its SHA-256 is kept, with the first characters to recognise it by."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("begins with"), max_length=12)
    digest = models.CharField(max_length=64, unique=True, editable=False)
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


class Allowance(models.Model):
    """What one user has used in the present quota day. One row per user: the counter that every request competes for.

    `resets_at` is the instant at which the day ends. It is fixed when the day begins, so that neither a clock set
    back nor a change of `time_zone` refills it.
    """

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="allowance")
    used = models.PositiveIntegerField(default=0)
    resets_at = models.DateTimeField()
    time_zone = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("allowance")
        verbose_name_plural = _("allowances")


class LedgerEntry(models.Model):
    """One unit of the daily quota: accepted for a generation, and perhaps refunded with a reason."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="ledger")
    # A plain id: accounts stand below chat, and an entry outlives the conversation that it was spent in.
    generation_id = models.UUIDField(unique=True)
    resets_at = models.DateTimeField(help_text=_("End of the quota day it counts in."))
    accepted_at = models.DateTimeField(default=clock.now)
    refunded_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger")
        indexes = [models.Index(fields=["user", "resets_at"], name="ledger_user_day")]
