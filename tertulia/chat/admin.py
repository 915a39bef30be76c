"""What staff see of conversations: runs with their figures and the readers' opinions, never anybody's words."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tertulia.chat.models import Generation


@admin.register(Generation)
class GenerationAdmin(admin.ModelAdmin):
    list_display = ["created_at", "user", "status", "model", "tokens", "seconds_to_text", "error", "feedback"]
    list_filter = ["status", "model", "error", "answer__feedback", "created_at"]
    list_select_related = ["user", "answer"]
    readonly_fields = [
        "id", "user", "status", "model", "provider", "finish_reason", "error", "tokens", "feedback",
        "created_at", "first_token_at", "ended_at",
    ]  # fmt: skip
    fields = tuple(readonly_fields)
    search_fields = ["user__email", "id"]
    ordering = ["-id"]
    show_full_result_count = False

    @admin.display(description=_("tokens"))
    def tokens(self, generation: Generation) -> int | None:
        return (generation.answer.usage or {}).get("total_tokens")

    @admin.display(description=_("seconds to first text"))
    def seconds_to_text(self, generation: Generation) -> float | None:
        if generation.first_token_at is None:
            return None
        return round((generation.first_token_at - generation.created_at).total_seconds(), 2)

    @admin.display(description=_("opinion"))
    def feedback(self, generation: Generation) -> str:
        return {1: "👍", -1: "👎"}.get(generation.answer.feedback or 0, "")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Generation | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Generation | None = None) -> bool:
        return False
