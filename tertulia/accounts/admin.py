"""Users, limits, keys, invitations and security events for staff.

Passwords, keys and second factors are not shown, and nobody's words. Administrators are made by command.
"""

from typing import Any

# Their own pages show tokens and the secrets of second factors; they register themselves when imported.
import allauth.account.admin
import allauth.mfa.admin
import allauth.socialaccount.admin  # noqa: F401
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import actions, audit, factors, inviting, quota, sessions
from tertulia.accounts.models import (
    ApiKey,
    AuditEvent,
    GroupQuota,
    Invitation,
    LedgerEntry,
    QuotaBoost,
    User,
)
from tertulia.core.db import transaction

admin.site.unregister([EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken, Group])

admin.site.site_header = admin.site.site_title = "Tertulia"
admin.site.index_title = _("Administration")

_ROLES = frozenset(("is_staff", "groups"))
_LIMITS = frozenset(("daily_quota", "is_unlimited"))


class _ReadOnly:
    """Shown, never changed here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class BoostInline(admin.TabularInline):
    model = QuotaBoost
    extra = 0


class GroupQuotaInline(admin.StackedInline):
    model = GroupQuota


@admin.register(Group)
class GroupAdmin(StockGroupAdmin):
    """Django's, with the limit of the group's members."""

    inlines = [GroupQuotaInline]


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    list_display = [
        "__str__", "nickname", "is_active", "is_staff", "used_today", "limit", "conversation_count", "last_login",
    ]  # fmt: skip
    list_filter = ["is_active", "is_staff", "is_unlimited", "groups", "created_at"]
    list_select_related = ["allowance"]
    search_fields = ["email", "nickname"]
    ordering = ["-created_at"]
    fields = [
        "id", "email", "nickname", "is_active", "is_staff", "groups", "daily_quota", "is_unlimited", "time_zone",
        "language", "created_at", "email_verified_at", "last_login", "ip_address", "conversation_count",
        "second_factor",
    ]  # fmt: skip
    readonly_fields = [
        "id", "email", "created_at", "email_verified_at", "last_login", "ip_address", "conversation_count",
        "second_factor",
    ]  # fmt: skip
    filter_horizontal = ["groups"]
    inlines = [BoostInline]
    actions = ["end_logins", "switch_factor_off"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        # How many, never what: nobody reads another's conversations.
        counted: QuerySet[User] = (
            super().get_queryset(request).annotate(conversation_count=Count("conversations"))
        )
        return counted

    @admin.display(description=_("used today"))
    def used_today(self, user: User) -> int:
        return quota.standing(user).used

    @admin.display(description=_("limit"))
    def limit(self, user: User) -> str:
        limit = quota.limit_for(user)
        return "∞" if limit is None else str(limit)

    @admin.display(description=_("conversations"), ordering="conversation_count")
    def conversation_count(self, user: Any) -> int:
        return int(user.conversation_count)

    @admin.display(description=_("second factor"), boolean=True)
    def second_factor(self, user: User) -> bool:
        return factors.is_on(user)

    @admin.action(description=_("End all logins"))
    def end_logins(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            with transaction():
                sessions.end_all(user)
                audit.record(audit.Kind.LOGINS_ENDED, user=user, actor=_staff(request))

    @admin.action(description=_("Switch the second factor off"))
    def switch_factor_off(self, request: HttpRequest, users: QuerySet[User]) -> None:
        if not request.user.is_superuser:
            self.message_user(request, _("Only administrators may do this."), messages.ERROR)
            return
        for user in users:
            factors.switch_off(user=user, actor=_staff(request))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        # Whoever may edit users must not be able to make themselves or others staff.
        extra = [] if request.user.is_superuser else ["is_staff", "groups"]
        return [*self.readonly_fields, *extra]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        changed, actor = set(form.changed_data), _staff(request)
        if changed & _ROLES:
            audit.record(audit.Kind.ROLE, user=obj, actor=actor, detail="staff" if obj.is_staff else "")
        if changed & _LIMITS:
            audit.record(audit.Kind.QUOTA, user=obj, actor=actor)
        if "is_active" in changed and not obj.is_active:
            # Old logins must not come back to life with the account.
            actions.suspend(user=obj, actor=actor)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.has_changed():
            audit.record(audit.Kind.QUOTA, user=form.instance, actor=_staff(request), detail="boost")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    """May be revoked (deleted), not read."""

    list_display = ["prefix", "name", "user", "scope", "created_at", "last_used_at", "expires_at"]
    list_filter = ["scope"]
    list_select_related = ["user"]
    search_fields = ["user__email", "prefix", "name"]
    fields = ["user", "name", "prefix", "scope", "created_at", "last_used_at", "expires_at"]
    ordering = ["-created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: ApiKey) -> None:
        super().delete_model(request, obj)
        audit.record(audit.Kind.KEY_REVOKED, user=obj.user, actor=_staff(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset.select_related("user"):
            self.delete_model(request, key)


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    """Made here; its link is shown once. Deleting one withdraws it."""

    list_display = ["created_at", "made_by", "expires_at", "used_at", "used_by"]
    list_select_related = ["made_by", "used_by"]
    fields = ["expires_at"]
    ordering = ["-created_at"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"expires_at": inviting.default_end()}

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        token = inviting.store(obj, made_by=_staff(request))
        link = request.build_absolute_uri(f"/accounts/join?invite={token}")
        self.message_user(request, _("The link, shown this once: %(link)s") % {"link": link})


@admin.register(AuditEvent)
class AuditEventAdmin(_ReadOnly, admin.ModelAdmin):
    """What happened to whose account, and by whom; without anybody's words."""

    list_display = ["at", "kind", "user", "actor", "detail"]
    list_filter = ["kind", "at"]
    list_select_related = ["user", "actor"]
    search_fields = ["user__email", "actor__email"]
    ordering = ["-at"]
    show_full_result_count = False


@admin.register(LedgerEntry)
class LedgerAdmin(_ReadOnly, admin.ModelAdmin):
    """Every unit of quota: taken when, for which run, given back why."""

    list_display = ["accepted_at", "user", "generation_id", "resets_at", "refunded_at", "reason"]
    list_select_related = ["user"]
    list_filter = ["reason", "accepted_at"]
    search_fields = ["user__email", "generation_id"]
    ordering = ["-accepted_at"]
    show_full_result_count = False


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
