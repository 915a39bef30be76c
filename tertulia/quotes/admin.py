"""The board for administrators: what there is, what readers object to. Decisions are made on the board's own pages."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tertulia.quotes import actions
from tertulia.quotes.models import Quote, QuoteReport, WordRule


@admin.register(Quote)
class QuoteAdmin(admin.ModelAdmin):
    """May be deleted, when a line must not be kept whatever its state."""

    list_display = ["__str__", "speaker", "source", "language", "is_apply", "user", "created_at"]
    list_filter = ["is_apply", "language", "created_at"]
    list_select_related = ["user"]
    readonly_fields = (
        "content", "speaker", "source", "mood", "language", "user", "is_apply", "applied_at", "applied_by",
        "returned_reason", "created_at", "updated_at",
    )  # fmt: skip
    fields = readonly_fields
    search_fields = ["content", "speaker", "source", "user__email"]
    ordering = ["-id"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Quote | None = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Quote) -> None:
        actions.remove_quote(quote=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Quote]) -> None:
        for quote in queryset:
            actions.remove_quote(quote=quote)


@admin.register(QuoteReport)
class QuoteReportAdmin(admin.ModelAdmin):
    list_display = ["created_at", "quote", "reason", "user", "closed_at"]
    list_filter = ["closed_at", "created_at"]
    list_select_related = ["quote", "user"]
    readonly_fields = ("quote", "reason", "user", "created_at", "closed_at")
    fields = readonly_fields
    ordering = ["-id"]
    actions = ["close"]

    @admin.action(description=_("Close the reports"))
    def close(self, request: HttpRequest, queryset: QuerySet[QuoteReport]) -> None:
        for report in queryset:
            actions.close_reports(user=request.user, quote=report.quote)  # type: ignore[arg-type]  # staff are signed in

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: QuoteReport | None = None) -> bool:
        return False


@admin.register(WordRule)
class WordRuleAdmin(admin.ModelAdmin):
    """Words that members' proposals may not hold; staff's own may."""

    list_display = ["pattern", "created_at"]
    search_fields = ["pattern"]
    ordering = ["pattern"]
