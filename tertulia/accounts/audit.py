"""The log of security events; everything in `accounts` that changes who may do what records here."""

from tertulia.accounts.models import AuditEvent, User

Kind = AuditEvent.Kind
MAX_DETAIL = 200


def record(kind: Kind, *, user: User | None, actor: User | None = None, detail: str = "") -> None:
    """Note an event, in the caller's transaction. `detail` is a word of ours; `actor` is who did it, if not `user`."""
    by = actor if actor is not None and actor != user else None
    AuditEvent.objects.create(kind=kind, user=user, actor=by, detail=detail[:MAX_DETAIL])
