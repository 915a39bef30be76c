"""The addresses of the API, without trailing slashes; `config.urls` includes them. Those of /accounts stand there."""

from django.urls import path

from tertulia.api import (
    cards,
    catalogue,
    characters,
    chat,
    conversations,
    generations,
    importing,
    instances,
    keys,
    messages,
    quotes,
    schema,
    sessions,
    speech,
    transcriptions,
    usage,
)
from tertulia.api.openai import completions, errors, models
from tertulia.api.openai.speech import FacadeSpeechView
from tertulia.api.openai.transcriptions import FacadeTranscriptionsView

urlpatterns = [
    # Flat exchanges
    path("chat", chat.ExchangesView.as_view(), name="exchanges"),
    path("chat/<str:exchange_id>", chat.ExchangeView.as_view(), name="exchange"),
    # Prompts and responses, and single messages
    path("api/messages", messages.PromptsView.as_view(), name="prompts"),
    path("api/messages/create", messages.PromptCreateView.as_view(), name="prompt-create"),
    path("api/messages/<str:message_id>", messages.MessageView.as_view(), name="message"),
    path("api/messages/<str:message_id>/regenerate", messages.AgainView.as_view(), name="message-again"),
    path("api/messages/<str:message_id>/speech", speech.MessageSpeechView.as_view(), name="message-speech"),
    path(
        "api/messages/<str:message_id>/speech/<str:part>",
        speech.PartSpeechView.as_view(),
        name="message-speech-part",
    ),
    # Conversations
    path("api/conversations", conversations.ConversationsView.as_view(), name="conversations"),
    path(
        "api/conversations/<str:conversation_id>",
        conversations.ConversationView.as_view(),
        name="conversation",
    ),
    path(
        "api/conversations/<str:conversation_id>/messages",
        conversations.MessagesView.as_view(),
        name="conversation-messages",
    ),
    path("api/search", conversations.SearchView.as_view(), name="search-messages"),
    path("api/import", importing.ConversationImportView.as_view(), name="import-conversations"),
    # Runs
    path("api/generations/<str:generation_id>", generations.GenerationView.as_view(), name="generation"),
    path("api/generations/<str:generation_id>/events", generations.EventsView.as_view(), name="events"),
    path("api/generations/<str:generation_id>/stop", generations.StopView.as_view(), name="stop"),
    # Characters and their instances
    *cards.urlpatterns,
    *characters.urlpatterns,
    *instances.urlpatterns,
    # Speech
    path("api/speech", speech.SpeechView.as_view(), name="speech"),
    path("api/transcriptions", transcriptions.TranscriptionsView.as_view(), name="transcriptions"),
    # What there is
    path("api/models", catalogue.ModelsView.as_view(), name="models"),
    path("api/usage", usage.UsageView.as_view(), name="usage"),
    path("api/schema", schema.SchemaView.as_view(), name="schema"),
    path("api/docs", schema.docs, name="docs"),
    # Keys, logins and usage
    path("api/keys", keys.KeysView.as_view(), name="keys"),
    path("api/keys/<str:key_id>", keys.KeyView.as_view(), name="key"),
    path("api/sessions", sessions.SessionsView.as_view(), name="sessions"),
    path("api/sessions/<str:login_id>", sessions.SessionView.as_view(), name="session"),
    path("api/usage/speech", usage.SpeechUsageView.as_view(), name="speech-usage"),
    path("api/usage/ledger", usage.LedgerView.as_view(), name="ledger"),
    # The quote board
    path("quote", quotes.QuotesView.as_view(), name="quotes"),
    path("quote/apply", quotes.DecisionsView.as_view(), name="quote-decisions"),
    path("quote/import", quotes.ImportView.as_view(), name="quote-import"),
    path("quote/similar", quotes.SimilarView.as_view(), name="quote-similar"),
    path("quote/news", quotes.NewsView.as_view(), name="quote-news"),
    path("quote/reports", quotes.ReportsView.as_view(), name="quote-reports"),
    path("quote/<str:quote_id>", quotes.QuoteView.as_view(), name="quote"),
    path("quote/<str:quote_id>/report", quotes.ReportView.as_view(), name="quote-report"),
    # The OpenAI-compatible facade
    path("v1/models", models.FacadeModelsView.as_view(), name="facade-models"),
    path("v1/models/<path:model_id>", models.FacadeModelView.as_view(), name="facade-model"),
    path("v1/chat/completions", completions.CompletionsView.as_view(), name="facade-completions"),
    path("v1/audio/speech", FacadeSpeechView.as_view(), name="facade-speech"),
    path("v1/audio/transcriptions", FacadeTranscriptionsView.as_view(), name="facade-transcriptions"),
    path("v1/<path:rest>", errors.UnknownView.as_view(), name="facade-unknown"),
]
