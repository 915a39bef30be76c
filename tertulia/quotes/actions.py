"""Every change of the board: proposing, editing, what staff decide, objections, and the end of an account."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import IntegrityError
from django.db.models import Case, QuerySet, When
from django.db.transaction import atomic
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from tertulia.accounts.models import User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from tertulia.providers.language import detect_language
from tertulia.quotes import index, queries, validation, wording
from tertulia.quotes.candidates import Entry
from tertulia.quotes.models import Quote, QuoteReport, QuoteVector
from tertulia.quotes.refusing import refused_word

# What one member may have waiting: nobody can fill the board, or the staff's day, alone.
MAX_OPEN_PROPOSALS = 500
REMOVED_AT_ONCE = 500

WORDS = ("content", "source", "speaker", "mood", "language")


class Duplicate(Conflict):
    """The same line is there already, as `quote_id`."""

    def __init__(self, quote_id: int) -> None:
        super().__init__(_("This line is on the board already."))
        self.quote_id = quote_id

    def body(self) -> dict[str, Any]:
        return super().body() | {"quote": self.quote_id}


# --- By members -----------------------------------------------------------------------------------------------------


def propose_quote(*, user: User, words: Mapping[str, str], is_apply: bool | None = None) -> Quote:
    """A new line of the board, of any of WORDS with `content` among them; staff may decide on their own at once.

    Raises InvalidInput naming fields, Forbidden, Duplicate, or Conflict beyond MAX_OPEN_PROPOSALS.
    """
    require_staff(user, is_apply is not None)
    clean = validation.cleaned(words)
    _refuse_words(user, clean)
    quote = Quote(user=user, **clean)
    derive(quote)
    with transaction():
        hold_account(user)
        if not user.is_staff and queries.open_proposals(user) >= MAX_OPEN_PROPOSALS:
            raise Conflict(
                _("At most %(limit)d lines may wait for a decision.") % {"limit": MAX_OPEN_PROPOSALS}
            )
        _insert(quote)
        if is_apply:
            _apply(Quote.objects.filter(id=quote.id), user)
            quote.refresh_from_db()
    return quote


def update_quote(*, user: User, quote: Quote, changes: Mapping[str, Any]) -> None:
    """Change any subset of WORDS, as the author of a line that is not applied, or of the decision, as staff.

    The decision is `is_apply` and `returned_reason`, why a line is not applied; an edit clears it. Raises
    InvalidInput, Forbidden, NotFound when it is gone meanwhile, Duplicate, Conflict once it is applied.
    """
    words = {name: changes[name] for name in WORDS if name in changes}
    is_apply, reason = changes.get("is_apply"), changes.get("returned_reason")
    decides = is_apply is not None or reason is not None
    require_staff(user, decides)
    if is_apply and reason:
        raise InvalidInput.field("returned_reason", _("A line that is applied is not returned."))
    _require_author(user, quote, bool(words) or not (decides or user.is_staff))
    with transaction():
        if is_apply is False:
            _withdraw(Quote.objects.filter(id=quote.id), user)
        if words:
            _edit(user, _locked(quote), words)
        if reason is not None and not is_apply:
            _return(_locked(quote), reason)
        if is_apply:
            _apply(Quote.objects.filter(id=quote.id), user)


def delete_quote(*, user: User, quote: Quote) -> None:
    """Remove one's own line; raises Forbidden for anybody else's, Conflict once it is applied, NotFound when gone."""
    _require_author(user, quote)
    with transaction():
        locked = _locked(quote)
        _require_open(locked)
        _remove(Quote.objects.filter(id=locked.id))


def report_quote(*, user: User, quote: Quote, reason: str) -> QuoteReport:
    """Object to a line; a second objection of the same member replaces the first. Raises InvalidInput."""
    values = validation.cleaned({"reason": reason}) | {"created_at": clock.now(), "closed_at": None}
    try:
        with transaction():
            report, _created = QuoteReport.objects.update_or_create(quote=quote, user=user, defaults=values)
    except IntegrityError:  # line or member are gone meanwhile
        raise NotFound from None
    return report


def see_news(*, user: User) -> None:
    """Remember that the user has seen what staff decided on the user's lines."""
    with transaction():
        Quote.objects.filter(user=user, has_news=True).update(has_news=False)


# --- By staff -------------------------------------------------------------------------------------------------------


def decide_quotes(*, user: User, ids: Collection[int], is_apply: bool) -> dict[int, bool]:
    """Apply or withdraw many lines; True for those that this changed, False for those that were so. Unknown: left out.

    Raises Forbidden for anybody but staff.
    """
    require_staff(user)
    with transaction():
        rows = Quote.objects.select_for_update().filter(id__in=ids).order_by("id")
        known = dict(rows.values_list("id", "is_apply"))
        changed = [id for id, applied in known.items() if applied != is_apply]
        if is_apply:
            _apply(Quote.objects.filter(id__in=changed), user)
        else:
            _withdraw(Quote.objects.filter(id__in=changed), user)
    return {id: applied != is_apply for id, applied in known.items()}


def remove_quote(*, quote: Quote) -> None:
    """Remove a line whatever its state; for administrators, when it must not be kept."""
    with transaction():
        _remove(Quote.objects.filter(id=quote.id))


def close_reports(*, user: User, quote: Quote) -> None:
    """Staff have answered the objections to a line. Raises Forbidden for anybody else."""
    require_staff(user)
    with transaction():
        QuoteReport.objects.filter(quote=quote, closed_at__isnull=True).update(closed_at=clock.now())


# --- The end of an account ------------------------------------------------------------------------------------------


def erase_user(*, user: User) -> None:
    """Remove the user's lines that are not applied, with their index entries, and objections; the others lose the name.

    Call it on a suspended account: what is proposed at the same time comes wholly before or is refused.
    """
    with transaction():
        _remove(Quote.objects.filter(user=user, is_apply=False))
        Quote.objects.filter(user=user).update(user=None, has_news=False)
        QuoteReport.objects.filter(user=user).delete()


# --- Parts, each inside a transaction -------------------------------------------------------------------------------


def derive(quote: Quote) -> None:
    """Set what follows from the words: language where nobody gave it, digest, search terms."""
    named = {"content": quote.content, "speaker": quote.speaker, "source": quote.source}
    quote.language = quote.language or detect_language(quote.content, get_language() or "en")
    quote.digest = wording.digest(**named)
    quote.terms = " ".join(wording.search_terms(**named, mood=quote.mood).elements())


def _insert(quote: Quote) -> None:
    _save(quote, force_insert=True)
    index.update(added=[Entry(quote.id, quote.terms)])


def _edit(user: User, quote: Quote, words: Mapping[str, str]) -> None:
    _require_open(quote)
    before = Entry(quote.id, quote.terms)
    if "content" in words:
        words = {"language": "", **words}
    clean = validation.cleaned(words)
    _refuse_words(user, clean)
    for name, value in clean.items():
        setattr(quote, name, value)
    derive(quote)
    quote.returned_reason, quote.updated_at = "", clock.now()
    _save(quote, update_fields=[*WORDS, "digest", "terms", "returned_reason", "updated_at"])
    index.update(removed=[before], added=[Entry(quote.id, quote.terms)])


def _refuse_words(user: User, words: Mapping[str, str]) -> None:
    """InvalidInput naming the fields that hold a refused word; staff know what they write."""
    if user.is_staff:
        return
    patterns = queries.refused_words()
    found = {name: word for name, text in words.items() if (word := refused_word(text, patterns))}
    if found:
        errors = {name: [_("“%(word)s” is not taken here.") % {"word": word}] for name, word in found.items()}
        raise InvalidInput(next(iter(errors.values()))[0], errors=errors)


def _apply(quotes: QuerySet[Quote], user: User) -> None:
    """Of two at the same time the first one's instant stays."""
    now = clock.now()
    quotes.filter(is_apply=False).update(
        is_apply=True,
        applied_at=now,
        applied_by=user,
        updated_at=now,
        returned_reason="",
        has_news=_is_news(user),
    )


def _withdraw(quotes: QuerySet[Quote], user: User) -> None:
    QuoteVector.objects.filter(quote__in=quotes).delete()
    quotes.filter(is_apply=True).update(
        is_apply=False, applied_at=None, applied_by=None, updated_at=clock.now(), has_news=_is_news(user)
    )


def _is_news(user: User) -> Case:
    """Whether a decision of this user is something that the line's author does not know."""
    return Case(When(user=user, then=False), default=True)


def _return(quote: Quote, reason: str) -> None:
    _require_open(quote)
    quote.returned_reason = validation.cleaned({"returned_reason": reason})["returned_reason"]
    quote.has_news, quote.updated_at = bool(quote.returned_reason), clock.now()
    quote.save(update_fields=["returned_reason", "has_news", "updated_at"])


def _remove(doomed: QuerySet[Quote]) -> None:
    rows = doomed.select_for_update().order_by("id").values_list("id", "terms")
    while batch := [Entry(*row) for row in rows[:REMOVED_AT_ONCE]]:
        index.update(removed=batch)
        Quote.objects.filter(id__in=[entry.id for entry in batch]).delete()


def _save(quote: Quote, **how: Any) -> None:
    """Write the row; raises Duplicate when another has its digest, NotFound when its author is gone meanwhile."""
    try:
        with atomic():
            quote.save(**how)
    except IntegrityError:
        same = Quote.objects.filter(digest=quote.digest).values_list("id", flat=True).first()
        if same is None:
            raise NotFound from None
        raise Duplicate(same) from None


def _locked(quote: Quote) -> Quote:
    """The row as it is now, held until commit."""
    found = Quote.objects.select_for_update().filter(id=quote.id).first()
    if found is None:
        raise NotFound
    return found


def hold_account(user: User) -> None:
    """Hold the account until commit, so that limits are exact and nothing is added to one that is being erased.

    Raises Unauthenticated when it is suspended or gone.
    """
    if not User.objects.select_for_update(no_key=True).filter(id=user.pk, is_active=True).exists():
        raise Unauthenticated


def require_staff(user: User, condition: bool = True) -> None:
    if condition and not user.is_staff:
        raise Forbidden(_("Only staff apply, withdraw and return lines."))


def _require_author(user: User, quote: Quote, condition: bool = True) -> None:
    if condition and quote.user_id != user.pk:
        raise Forbidden(_("Only its author may change or delete a line."))


def _require_open(quote: Quote) -> None:
    if quote.is_apply:
        raise Conflict(_("This line is applied; it can no longer be changed, only withdrawn by staff."))
