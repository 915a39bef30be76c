"""Management commands and start-up checks of the whole."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "tertulia.config"
    label = "config"
