"""What is said: conversations, their tree of messages, the runs that write answers, and the log of a live run."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tertulia.core import clock
from tertulia.core.ids import uuid7

MAX_TITLE = 200
MAX_SOURCE = 20
MAX_EXTERNAL_ID = 200
MAX_IDEMPOTENCY_KEY = 255


class Conversation(models.Model):
    """A tree of messages of one user. `leaf` ends the branch that was last shown or written."""

    class Origin(models.TextChoices):
        PAGE = "page", _("chat page")
        API = "api", _("native API")
        CHAT = "chat", _("/chat")
        MESSAGES = "messages", _("/api/messages")
        OPENAI = "openai", _("OpenAI-compatible API")
        SCRIPT = "script", _("script")
        IMPORT = "import", _("import")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations")
    title = models.CharField(max_length=MAX_TITLE, blank=True, default="")
    origin = models.CharField(max_length=12, choices=Origin, default=Origin.PAGE)
    # Of one that was brought from elsewhere: which program it came from, and its name there.
    source = models.CharField(max_length=MAX_SOURCE, blank=True, default="")
    external_id = models.CharField(max_length=MAX_EXTERNAL_ID, blank=True, default="")
    leaf = models.ForeignKey(
        "Message", null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False
    )
    # Who answers here: one variation of a character, with its own memory.
    instance = models.ForeignKey(
        "characters.Instance", null=True, on_delete=models.SET_NULL, related_name="conversations"
    )
    # What it said before the first message, as it said it: a character that changes does not take its words back.
    greeting = models.TextField(blank=True, default="")
    # The answer that was asked for last: whoever goes on from there stays on the branch that memory knows.
    spoken_leaf_id = models.UUIDField(null=True, blank=True)
    # When its instance shall note what is worth remembering; None while there is nothing new.
    memory_due_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "source", "external_id"],
                condition=~Q(external_id=""),
                name="conversation_imported_once",
            )
        ]
        indexes = [
            models.Index(fields=["user", "-updated_at", "-id"], name="conversation_list"),
            models.Index(
                fields=["memory_due_at"],
                name="conversation_memory_due",
                condition=Q(memory_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Message(models.Model):
    """One node of a conversation's tree. An answer's text is written once, when its run ends.

    References inside the tree are DO_NOTHING: a deletion removes whole conversations or exchanges by one statement
    each (`actions`), where a cascade would walk a chain of messages one by one.
    """

    class Role(models.TextChoices):
        USER = "user", _("user")
        ASSISTANT = "assistant", _("assistant")
        SYSTEM = "system", _("system")

    class Status(models.TextChoices):
        COMPLETE = "complete", _("complete")
        STREAMING = "streaming", _("streaming")
        STOPPED = "stopped", _("stopped")
        INTERRUPTED = "interrupted", _("interrupted")
        FAILED = "failed", _("failed")

    class Feedback(models.IntegerChoices):
        UP = 1, _("good")
        DOWN = -1, _("bad")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    # The conversation's user again, so that "all messages of mine" is one index range.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    parent = models.ForeignKey("self", null=True, on_delete=models.DO_NOTHING, related_name="children")
    # Of one that was brought from elsewhere: its name in the conversation there.
    external_id = models.CharField(max_length=MAX_EXTERNAL_ID, blank=True, default="")
    role = models.CharField(max_length=10, choices=Role)
    status = models.CharField(max_length=12, choices=Status, default=Status.COMPLETE)
    content = models.TextField(blank=True, default="")
    reasoning = models.TextField(blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="")
    parameters = models.JSONField(default=dict, blank=True)
    usage = models.JSONField(null=True, blank=True)
    sources = models.JSONField(default=list, blank=True)
    error = models.CharField(max_length=60, blank=True, default="")
    feedback = models.SmallIntegerField(choices=Feedback, null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=["user", "assistant", "system"]), name="message_role"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["complete", "streaming", "stopped", "interrupted", "failed"]),
                name="message_status",
            ),
            models.CheckConstraint(
                condition=Q(role="assistant") | Q(status="complete"), name="message_only_answers_stream"
            ),
            models.CheckConstraint(
                condition=Q(feedback__isnull=True) | Q(feedback__in=[1, -1], role="assistant"),
                name="message_feedback",
            ),
            models.UniqueConstraint(
                fields=["conversation", "external_id"],
                condition=~Q(external_id=""),
                name="message_imported_once",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "role", "-id"], name="message_exchanges"),
            models.Index(fields=["conversation", "-id"], name="message_conversation"),
        ]


class Generation(models.Model):
    """One run that asks a provider: the unit that is counted, logged, stopped and reaped.

    A run with the purpose `memory` writes no message: what it says becomes memory entries, and is not kept.
    """

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        COMPLETE = "complete", _("complete")
        STOPPED = "stopped", _("stopped")
        INTERRUPTED = "interrupted", _("interrupted")
        FAILED = "failed", _("failed")

    class Purpose(models.TextChoices):
        ANSWER = "answer", _("answer")
        MEMORY = "memory", _("memory")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="generations")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="generations")
    user_message = models.ForeignKey(Message, on_delete=models.DO_NOTHING, related_name="+")
    answer = models.OneToOneField(Message, null=True, on_delete=models.DO_NOTHING, related_name="generation")
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.ANSWER)
    status = models.CharField(max_length=12, choices=Status, default=Status.RUNNING)
    model = models.CharField(max_length=200)
    provider = models.CharField(max_length=40)
    # The process that runs it; a plain id, because a dead process's row is removed before its runs are mended.
    worker_id = models.UUIDField()
    stop_requested = models.BooleanField(default=False)
    finish_reason = models.CharField(max_length=40, blank=True, default="")
    error = models.CharField(max_length=60, blank=True, default="")
    # The order of text and other events of an ended run, [[kind, length], …], so that any position can be
    # replayed from the message after the events are gone.
    layout = models.JSONField(default=list, blank=True)
    # Who was asked to answer, or whose memory it is. A plain id: it says so also when the instance is gone.
    instance_id = models.UUIDField(null=True, blank=True)
    # An exchange that its instance has not looked through yet for what is worth remembering.
    to_remember = models.BooleanField(default=False)
    # What was sent, as `generation.provenance` describes it.
    provenance = models.JSONField(default=dict, blank=True)
    # Tokens of a run that wrote no message, which would hold them.
    usage = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    first_token_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("generation")
        verbose_name_plural = _("generations")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["running", "complete", "stopped", "interrupted", "failed"]),
                name="generation_status",
            ),
            models.CheckConstraint(
                condition=Q(status="running", ended_at__isnull=True)
                | (~Q(status="running") & Q(ended_at__isnull=False)),
                name="generation_ended",
            ),
            models.CheckConstraint(
                condition=Q(purpose="answer", answer__isnull=False)
                | Q(purpose="memory", answer__isnull=True),
                name="generation_purpose",
            ),
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(purpose="memory", status="running"),
                name="generation_one_memory_run",
            ),
        ]
        indexes = [
            models.Index(fields=["worker_id"], name="generation_running", condition=Q(status="running")),
            models.Index(fields=["user", "-id"], name="generation_user"),
            models.Index(
                fields=["conversation"], name="generation_to_remember", condition=Q(to_remember=True)
            ),
        ]


class GenerationEvent(models.Model):
    """A batch of merged events of a live run, at its position in the run's log; gone when the run has ended."""

    class Kind(models.TextChoices):
        DELTA = "delta", _("text")
        REASONING = "reasoning", _("reasoning")
        SOURCES = "sources", _("sources")

    id = models.BigAutoField(primary_key=True)
    generation = models.ForeignKey(
        Generation, on_delete=models.CASCADE, related_name="events", db_index=False
    )
    position = models.PositiveIntegerField(help_text=_("Position before the event, in code points of text."))
    kind = models.CharField(max_length=10, choices=Kind)
    payload = models.TextField(help_text=_("Text, or JSON of an event without text."))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["generation", "position"], name="event_position_unique"),
        ]


class Worker(models.Model):
    """A process that runs generations. `beat` rises about every second while it lives.

    A counter, not a time: other processes watch it change against their own monotonic clock, so a wall clock that
    jumps kills no healthy run.
    """

    id = models.UUIDField(primary_key=True)
    beat = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField(default=clock.now)


class IdempotencyKey(models.Model):
    """A client's key for one send, with the digest of its body and the run that it started."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=MAX_IDEMPOTENCY_KEY)
    digest = models.CharField(max_length=64)
    generation = models.ForeignKey(Generation, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_unique")]
