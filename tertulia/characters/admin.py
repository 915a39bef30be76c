"""Shared characters for staff, who may take one off the public list. Private ones and memories are not shown."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tertulia.characters import actions as writes
from tertulia.characters.models import Character

_SHOWN = (
    "name", "owner", "visibility", "summary", "description", "personality", "scenario", "greeting", "system_prompt",
    "language", "tags", "created_at", "updated_at",
)  # fmt: skip


@admin.register(Character)
class CharacterAdmin(admin.ModelAdmin):
    list_display = ["name", "owner", "visibility", "language", "updated_at"]
    list_filter = ["visibility", "language"]
    list_select_related = ["owner"]
    search_fields = ["name", "summary", "owner__email"]
    fields = readonly_fields = _SHOWN
    ordering = ["-id"]
    actions = ["take_off_the_list"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Character]:
        shared: QuerySet[Character] = super().get_queryset(request)
        return shared.exclude(visibility=Character.Visibility.PRIVATE)

    @admin.action(description=_("Take off the public list"), permissions=["change"])
    def take_off_the_list(self, request: HttpRequest, chosen: QuerySet[Character]) -> None:
        for character in chosen.filter(owner__isnull=False):
            writes.update_character(character=character, values={"visibility": Character.Visibility.UNLISTED})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Character | None = None) -> bool:
        return False
