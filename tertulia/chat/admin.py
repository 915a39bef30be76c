"""What staff see of conversations: runs with their figures and the readers' opinions, never anybody's words.

With TERTULIA_BREAK_GLASS administrators get a link to the page that opens the conversation of a run, with a reason.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from tertulia.accounts.models import User
from tertulia.chat import oversight
from tertulia.chat.models import Generation


@admin.register(Generation)
class GenerationAdmin(admin.ModelAdmin):
    list_display = [
        "created_at",
        "user",
        "purpose",
        "status",
        "model",
        "tokens",
        "seconds_to_text",
        "error",
        "feedback",
    ]
    list_filter = ["purpose", "status", "model", "error", "answer__feedback", "created_at"]
    list_select_related = ["user", "answer"]
    readonly_fields = [
        "id", "user", "purpose", "status", "model", "provider", "finish_reason", "error", "tokens", "feedback",
        "created_at", "first_token_at", "ended_at",
    ]  # fmt: skip
    fields = tuple(readonly_fields)
    search_fields = ["user__email", "id"]
    ordering = ["-id"]
    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: Generation | None = None) -> Any:
        return (*self.fields, "conversation_link") if _may_open(request) else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Generation | None = None) -> Any:
        return [*self.readonly_fields, "conversation_link"]

    @admin.display(description=_("conversation"))
    def conversation_link(self, generation: Generation) -> str:
        path = f"/admin/conversations/{generation.conversation_id}"
        return format_html('<a href="{}">{}</a>', path, _("Open with a reason…"))

    @admin.display(description=_("tokens"))
    def tokens(self, generation: Generation) -> int | None:
        usage = generation.answer.usage if generation.answer else generation.usage
        return (usage or {}).get("total_tokens")

    @admin.display(description=_("seconds to first text"))
    def seconds_to_text(self, generation: Generation) -> float | None:
        if generation.first_token_at is None:
            return None
        return round((generation.first_token_at - generation.created_at).total_seconds(), 2)

    @admin.display(description=_("opinion"))
    def feedback(self, generation: Generation) -> str:
        feedback = generation.answer.feedback if generation.answer else None
        return {1: "👍", -1: "👎"}.get(feedback or 0, "")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Generation | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Generation | None = None) -> bool:
        return False


def _may_open(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and oversight.is_possible(request.user)
