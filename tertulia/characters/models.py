"""Characters, the instances that people talk to, and the entries of an instance's memory."""

from typing import NamedTuple

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tertulia.core import clock
from tertulia.core.ids import uuid7

MAX_NAME = 100
MAX_SLUG = 120
MAX_SUMMARY = 300
MAX_VOICE = 80
MAX_MODEL = 200
MAX_LANGUAGE = 16
MAX_PICTURE_PATH = 120


class Face(NamedTuple):
    """What people see of a character before they talk to it, in one language."""

    name: str
    summary: str
    greeting: str


class Character(models.Model):
    """Who somebody talks to. All its instances share this row, so a change reaches them at once.

    Without an owner it is a starter (public), or one whose owner took it back while other people still had instances
    of it: then it is unlisted, belongs to nobody, and goes with the last of those instances.
    """

    class Visibility(models.TextChoices):
        PRIVATE = "private", _("private")
        UNLISTED = "unlisted", _("unlisted")
        PUBLIC = "public", _("public")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="characters"
    )
    slug = models.SlugField(_("address"), max_length=MAX_SLUG, unique=True, allow_unicode=True)
    visibility = models.CharField(max_length=10, choices=Visibility, default=Visibility.PRIVATE)
    name = models.CharField(_("name"), max_length=MAX_NAME)
    nickname = models.CharField(_("nickname"), max_length=MAX_NAME, blank=True, default="")
    summary = models.CharField(_("summary"), max_length=MAX_SUMMARY, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    personality = models.TextField(_("personality"), blank=True, default="")
    scenario = models.TextField(_("scenario"), blank=True, default="")
    greeting = models.TextField(_("greeting"), blank=True, default="")
    alternate_greetings = models.JSONField(default=list, blank=True)
    example_dialogue = models.TextField(_("example dialogue"), blank=True, default="")
    system_prompt = models.TextField(_("system prompt"), blank=True, default="")
    post_history_instructions = models.TextField(_("closing instructions"), blank=True, default="")
    creator_notes = models.TextField(_("notes"), blank=True, default="")
    creator = models.TextField(_("made by"), blank=True, default="")
    character_version = models.TextField(_("version"), blank=True, default="")
    voice = models.CharField(_("voice"), max_length=MAX_VOICE, blank=True, default="")
    model = models.CharField(_("language model"), max_length=MAX_MODEL, blank=True, default="")
    parameters = models.JSONField(default=dict, blank=True)
    tags = models.JSONField(default=list, blank=True)
    language = models.CharField(_("language"), max_length=MAX_LANGUAGE, blank=True, default="")
    hue = models.PositiveSmallIntegerField(_("colour"), help_text=_("Degrees on the colour wheel, 0 to 359."))
    picture = models.FileField(max_length=MAX_PICTURE_PATH, blank=True, default="")
    lorebook = models.JSONField(null=True, blank=True)
    # What cards hold beyond the fields above: data of other programs, and of later specifications.
    extensions = models.JSONField(default=dict, blank=True)
    rest = models.JSONField(default=dict, blank=True)
    # Name, summary and greetings in other languages, by language code; starters have them.
    translations = models.JSONField(default=dict, blank=True)
    # What a search looks through, folded by `queries.searchable`: neither database folds every script alike.
    search = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("character")
        verbose_name_plural = _("characters")
        constraints = [
            models.CheckConstraint(
                condition=Q(visibility__in=["private", "unlisted", "public"]), name="character_visibility"
            ),
            models.CheckConstraint(condition=Q(hue__lt=360), name="character_hue"),
            # Nobody could see it.
            models.CheckConstraint(
                condition=Q(owner__isnull=False) | ~Q(visibility="private"),
                name="character_private_has_owner",
            ),
        ]
        indexes = [
            models.Index(fields=["-id"], name="character_public", condition=Q(visibility="public")),
            models.Index(fields=["owner", "-id"], name="character_owner"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_retired(self) -> bool:
        """Whether it is kept only for the instances that people have of it."""
        return self.owner_id is None and self.visibility == self.Visibility.UNLISTED

    @property
    def picture_mark(self) -> str:
        """What changes when the picture does, "" without one."""
        return (self.picture.name or "").rpartition("/")[2][:8]

    def face(self, language: str) -> Face:
        """How it is shown to a reader of a language; in its own where it has no words in that one."""
        said = self.translations.get(language) or {}
        return Face(
            said.get("name") or self.name,
            said.get("summary") or self.summary,
            said.get("greeting") or self.greeting,
        )

    def greetings(self, language: str) -> list[str]:
        """All that it may say first, as it is written: the greeting, and the others that it has instead."""
        said = self.translations.get(language) or {}
        return [self.face(language).greeting, *(said.get("alternate_greetings") or self.alternate_greetings)]


class Instance(models.Model):
    """One variation of a character, of one user: a name and a memory of its own."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="instances", db_index=False
    )
    # `actions` sees to it that a character with instances of other people stays; the database insists.
    character = models.ForeignKey(Character, on_delete=models.RESTRICT, related_name="instances")
    name = models.CharField(_("name"), max_length=MAX_NAME)
    memory = models.TextField(_("memory"), blank=True, default="")
    # Whether it notes by itself what is worth remembering, where the whole Tertulia does.
    learns = models.BooleanField(_("remembers by itself"), default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("instance")
        verbose_name_plural = _("instances")
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="instance_name_unique")]
        indexes = [models.Index(fields=["owner", "-id"], name="instance_owner")]

    def __str__(self) -> str:
        return self.name


class MemoryEntry(models.Model):
    """Something an instance remembers: noted from messages, or written by its user."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="entries", db_index=False)
    text = models.TextField(_("text"))
    pinned = models.BooleanField(_("pinned"), default=False)
    # The first of its sources, which it is shown with. A plain id: messages stand above. None for words of the user's
    # own.
    source_message_id = models.UUIDField(null=True, blank=True, db_index=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("memory entry")
        verbose_name_plural = _("memory entries")
        indexes = [models.Index(fields=["instance", "id"], name="memory_entry_instance")]


class MemorySource(models.Model):
    """A message that says what an entry holds. With the last of its sources the entry goes."""

    entry = models.ForeignKey(MemoryEntry, on_delete=models.CASCADE, related_name="sources", db_index=False)
    message_id = models.UUIDField(db_index=True)

    class Meta:
        verbose_name = _("memory source")
        verbose_name_plural = _("memory sources")
        constraints = [models.UniqueConstraint(fields=["entry", "message_id"], name="memory_source_unique")]
