"""The chat application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "tertulia.chat"
    label = "chat"
    verbose_name = _("Conversations")
    default_auto_field = "django.db.models.BigAutoField"
