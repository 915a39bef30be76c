"""The characters application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CharactersConfig(AppConfig):
    name = "tertulia.characters"
    label = "characters"
    verbose_name = _("Characters")
    default_auto_field = "django.db.models.BigAutoField"
