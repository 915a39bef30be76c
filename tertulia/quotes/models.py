"""What the board holds: lines, objections to them, refused words, and what the searches by word and meaning need."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tertulia.core import clock
from tertulia.quotes.fields import FloatsField

MAX_CONTENT = 1_000
MAX_SOURCE = 200
MAX_SPEAKER = 100
MAX_MOOD = 60
MAX_REASON = 500
MAX_TERM = 64
MAX_PATTERN = 100
MAX_MODEL = 200


class Quote(models.Model):
    """A line somebody proposed; the chat retrieves it and cites it once staff have applied it.

    The id is a number because a full-text row of SQLite is named by one, and the board is no secret among members.
    Without a `user` it was imported, or its proposer's account is gone.
    """

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="quotes",
        db_index=False,
        verbose_name=_("proposed by"),
    )
    content = models.CharField(_("line"), max_length=MAX_CONTENT)
    source = models.CharField(_("work"), max_length=MAX_SOURCE, blank=True, default="")
    speaker = models.CharField(_("speaker"), max_length=MAX_SPEAKER, blank=True, default="")
    mood = models.CharField(_("mood"), max_length=MAX_MOOD, blank=True, default="")
    # As `providers.language` names it: en, zh, es, ko, ru.
    language = models.CharField(_("language"), max_length=8)
    is_apply = models.BooleanField(_("applied"), default=False)
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("applied by"),
    )
    # Why staff did not apply it, until its author changes it.
    returned_reason = models.CharField(_("returned because"), max_length=MAX_REASON, blank=True, default="")
    # Whether its author has yet to see what staff decided.
    has_news = models.BooleanField(default=False)
    # Of the normalised line with speaker and work: the same words in another mouth are another line.
    digest = models.CharField(max_length=64, unique=True, editable=False)
    # What the search finds it by, each term as often as it occurs; `index` keeps the rest in step.
    terms = models.TextField(editable=False)
    created_at = models.DateTimeField(_("proposed at"), default=clock.now, editable=False)
    updated_at = models.DateTimeField(_("changed at"), default=clock.now)

    class Meta:
        verbose_name = _("quote")
        verbose_name_plural = _("quotes")
        constraints = [
            models.CheckConstraint(
                condition=Q(is_apply=True, applied_at__isnull=False)
                | Q(is_apply=False, applied_at__isnull=True),
                name="quote_applied_at",
            ),
            models.CheckConstraint(condition=~Q(content=""), name="quote_content"),
        ]
        indexes = [
            models.Index(fields=["is_apply", "-id"], name="quote_queue"),
            models.Index(fields=["user", "-id"], name="quote_mine"),
            models.Index(fields=["speaker", "-id"], name="quote_speaker"),
            models.Index(fields=["source", "-id"], name="quote_source"),
            models.Index(fields=["language", "-id"], name="quote_language"),
        ]

    def __str__(self) -> str:
        return self.content if len(self.content) <= 60 else self.content[:59] + "…"


class QuoteReport(models.Model):
    """A reader's objection to a line; staff withdraw the line or close the report."""

    quote = models.ForeignKey(Quote, on_delete=models.CASCADE, related_name="reports", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(_("reason"), max_length=MAX_REASON)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        constraints = [models.UniqueConstraint(fields=["quote", "user"], name="report_once")]


class Term(models.Model):
    """In how many quotes a search term occurs: the weight of a word, and whether it is worth searching by."""

    term = models.CharField(primary_key=True, max_length=MAX_TERM)
    documents = models.IntegerField()


class WordRule(models.Model):
    """A word or phrase that members' proposals may not hold; `wordrules` says what counts as holding it."""

    pattern = models.CharField(
        _("word or phrase"),
        max_length=MAX_PATTERN,
        unique=True,
        help_text=_("Capitals and width do not matter. A * at the end stands for any ending."),
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = _("refused word")
        verbose_name_plural = _("refused words")

    def __str__(self) -> str:
        return self.pattern


class QuoteVector(models.Model):
    """The meaning of an applied line as an embedding model gives it to `meaning`; `vectors` writes and reads it.

    A row never changes: a line that changes or is withdrawn loses it, so a process may keep what it has read.
    """

    id = models.BigAutoField(primary_key=True)
    quote = models.ForeignKey(Quote, on_delete=models.CASCADE, related_name="+", db_index=False)
    model = models.CharField(max_length=MAX_MODEL)
    # Of length 1, so that a dot product is the cosine.
    embedding = FloatsField()
    # One bit for each number of it, set where that is above the one of the centre of `vectors.Space`.
    signs = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["quote", "model"], name="vector_once")]
