"""Users, their limits and keys for staff. Passwords and keys are not shown; administrators are made by command."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import actions
from tertulia.accounts.models import ApiKey, LedgerEntry, User


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    list_display = ["email", "nickname", "is_active", "is_staff", "daily_quota", "used_today", "last_login"]
    list_filter = ["is_active", "is_staff", "created_at"]
    list_select_related = ["allowance"]
    search_fields = ["email", "nickname"]
    ordering = ["-created_at"]
    fields = [
        "email", "nickname", "is_active", "is_staff", "groups", "daily_quota", "time_zone", "language",
        "created_at", "last_login", "ip_address",
    ]  # fmt: skip
    readonly_fields = ["email", "created_at", "last_login", "ip_address"]
    filter_horizontal = ["groups"]

    @admin.display(description=_("used today"))
    def used_today(self, user: User) -> int:
        return user.allowance.used if hasattr(user, "allowance") else 0

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        # Whoever may edit users must not be able to make themselves or others staff.
        extra = [] if request.user.is_superuser else ["is_staff", "groups"]
        return [*self.readonly_fields, *extra]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "is_active" in form.changed_data and not obj.is_active:
            # Old logins must not come back to life with the account.
            actions.suspend(user=obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


class _ReadOnly:
    """Shown, never changed here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(_ReadOnly, admin.ModelAdmin):
    """May be revoked (deleted), not read."""

    list_display = ["prefix", "name", "user", "created_at", "last_used_at", "expires_at"]
    list_select_related = ["user"]
    search_fields = ["user__email", "prefix", "name"]
    fields = ["user", "name", "prefix", "created_at", "last_used_at", "expires_at"]
    ordering = ["-created_at"]


@admin.register(LedgerEntry)
class LedgerAdmin(_ReadOnly, admin.ModelAdmin):
    """Every unit of quota: taken when, for which run, given back why."""

    list_display = ["accepted_at", "user", "generation_id", "resets_at", "refunded_at", "reason"]
    list_select_related = ["user"]
    list_filter = ["reason", "accepted_at"]
    search_fields = ["user__email", "generation_id"]
    ordering = ["-accepted_at"]

    def has_delete_permission(self, request: HttpRequest, obj: LedgerEntry | None = None) -> bool:
        return False
