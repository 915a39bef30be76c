"""Addresses of the pages; /accounts/join, login, logout and profile are shared with the API and stand in config."""

from django.urls import path
from django.views.generic import RedirectView

from tertulia.web import accounts, appearance, chat, conversations, manifest, preferences, security, usage

urlpatterns = [
    path("", chat.chat, name="home"),
    path("send", chat.send, name="send"),
    path("c/<uuid:conversation_id>", chat.chat, name="conversation"),
    path("c/<uuid:conversation_id>/send", chat.send, name="send-in"),
    path("c/<uuid:conversation_id>/edit", chat.edit, name="edit"),
    path("c/<uuid:conversation_id>/regenerate", chat.regenerate, name="regenerate"),
    path("c/<uuid:conversation_id>/stop", chat.stop, name="stop"),
    path("c/<uuid:conversation_id>/feedback", conversations.feedback, name="feedback"),
    path("c/<uuid:conversation_id>/rename", conversations.rename, name="rename"),
    path("c/<uuid:conversation_id>/delete", conversations.delete, name="delete"),
    path("accounts/link/<str:token>", accounts.link, name="link"),
    path("accounts/security", security.security, name="security"),
    path("accounts/security/authenticator", security.authenticator, name="authenticator"),
    path("accounts/usage", usage.usage, name="usage"),
    path("settings", preferences.settings, name="settings"),
    path("settings/keys", preferences.create_key, name="create-key"),
    path("settings/keys/<uuid:key_id>/revoke", preferences.revoke_key, name="revoke-key"),
    path("language", appearance.choose_language, name="language"),
    path("theme", appearance.choose_theme, name="theme"),
    path("manifest.webmanifest", manifest.manifest, name="manifest"),
    path("favicon.ico", RedirectView.as_view(url="/static/tertulia/icon.svg", permanent=True)),
]
