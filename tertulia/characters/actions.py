"""Writes to characters and instances: one verb, one transaction each. Memories have `remembering`."""

import secrets
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from django.db import IntegrityError
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from tertulia.accounts.models import User
from tertulia.characters import cards, carriers, colour, exchange, files, pictures, queries, validation
from tertulia.characters.access import visible_to
from tertulia.characters.models import MAX_SLUG, Character, Instance
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import Conflict, InvalidInput, NotFound

# More than anybody writes by hand; it bounds what one account can fill a disk with.
MAX_CHARACTERS = 500
MAX_INSTANCES = 1_000

_SUFFIX_BYTES = 4
# What a copy takes over. Not who may see it, nor what makes a row itself.
_COPIED = (*cards.NAMES, "summary", "voice", "model", "parameters", "language", "hue", "translations")


# --- Characters -----------------------------------------------------------------------------------------------------


def create_character(
    *,
    user: User,
    values: Mapping[str, Any],
    picture: bytes | None = None,
    made: Mapping[str, Any] = MappingProxyType({}),
) -> Character:
    """A new character of the user, private unless `values` say otherwise; `picture` as `pictures` encodes it.

    `made` are columns that nobody chooses, its id and times, of one that comes from elsewhere.
    Raises InvalidInput naming the fields, Conflict beyond MAX_CHARACTERS.
    """
    clean = validation.cleaned({"name": "", **values})
    clean.setdefault("hue", colour.hue_of(clean["name"]))
    with files.saved(picture) as name, transaction():
        if Character.objects.filter(owner=user).count() >= MAX_CHARACTERS:
            raise Conflict(_("At most %(limit)d characters.") % {"limit": MAX_CHARACTERS})
        return _insert(Character(owner=user, picture=name, **clean, **made))


def update_character(*, character: Character, values: Mapping[str, Any]) -> Character:
    """Change some fields, for all instances at once; raises InvalidInput naming the fields, NotFound.

    A character that becomes private leaves the instances of other people what they had.
    """
    clean = validation.cleaned(values)
    with transaction():
        row = _locked(character)
        if clean.get("visibility") == Character.Visibility.PRIVATE:
            _leave_to_others(row)
        for name, value in clean.items():
            setattr(row, name, value)
        _save(row, clean)
    return row


def set_picture(*, character: Character, picture: bytes | None) -> Character:
    """Give a character another picture, as `pictures` encodes it, or none."""
    with files.saved(picture) as name, transaction():
        row = _locked(character)
        files.removed_after_commit([row.picture.name or ""])
        row.picture = name
        _save(row, ["picture"])
    return row


def delete_character(*, character: Character) -> None:
    """Remove a character with its owner's instances; other people's keep a copy that belongs to nobody."""
    with transaction():
        row = _locked(character)
        _leave_to_others(row)
        Instance.objects.filter(character=row).delete()
        _remove([row])


def duplicate_character(*, user: User, character: Character, language: str) -> Character:
    """A private copy that the user may change, in the words that it has for `language`."""
    face = character.face(language)._asdict() | {"alternate_greetings": character.greetings(language)[1:]}
    values = {name: getattr(character, name) for name in _COPIED if name != "translations"}
    picture = files.read(character.picture.name or "")
    return create_character(user=user, values=values | face, picture=picture)


def import_character(*, user: User, file: bytes) -> Character:
    """A private character from a card file; raises CardRefused, InvalidInput, Conflict."""
    carried = carriers.read(file)
    picture = pictures.reencoded(carried.picture) if carried.picture else None
    return create_character(user=user, values=exchange.values_of(carried.card), picture=picture)


def erase_user(*, user: User) -> None:
    """Remove everything of a user: instances with their memories, characters, pictures. Before the account itself.

    Of a shared character a copy without a name stays for the instances that other people have.
    """
    with transaction():
        mine = list(Character.objects.select_for_update().filter(owner=user).order_by("pk"))
        for character in mine:
            _leave_to_others(character)
        _delete_instances(list(Instance.objects.filter(owner=user).select_related("character")))
        _remove(mine)


def _insert(character: Character) -> Character:
    stem = slugify(character.name, allow_unicode=True) or "character"
    # Random, so that a name which is taken tells nothing of somebody's private character.
    suffix = secrets.token_hex(_SUFFIX_BYTES)
    character.slug = f"{stem[: MAX_SLUG - len(suffix) - 1]}-{suffix}"
    character.search = queries.searchable(character)
    exchange.check_size(character)
    character.save(force_insert=True)
    return character


def _save(character: Character, changed: Mapping[str, Any] | Sequence[str]) -> None:
    if changed:
        character.search = queries.searchable(character)
        exchange.check_size(character)
        character.updated_at = clock.now()
        character.save(update_fields=[*changed, "search", "updated_at"])


def _locked(character: Character) -> Character:
    """The row as it is now, until commit: whoever wants an instance of it comes wholly before or after."""
    row = Character.objects.select_for_update().filter(pk=character.pk).first()
    if row is None:
        raise NotFound
    return row


def _leave_to_others(character: Character) -> None:
    """Give the instances of other people a copy of the character that belongs to nobody and names nobody."""
    others = Instance.objects.filter(character=character).exclude(owner=character.owner_id)
    if not others.exists():
        return
    values = {name: getattr(character, name) for name in _COPIED} | {"creator": ""}
    with files.saved(files.read(character.picture.name or "")) as name:
        visibility = Character.Visibility.UNLISTED
        others.update(character=_insert(Character(picture=name, visibility=visibility, **values)))


def _remove(characters: Sequence[Character]) -> None:
    files.removed_after_commit(queries.pictures_of(characters))
    Character.objects.filter(pk__in=[character.pk for character in characters]).delete()


# --- Instances ------------------------------------------------------------------------------------------------------


def create_instance(
    *,
    user: User,
    character: Character,
    values: Mapping[str, Any],
    made: Mapping[str, Any] = MappingProxyType({}),
) -> Instance:
    """A variation of a character that the user may see; named like it unless `values` say otherwise.

    `made` as for a character.
    Raises InvalidInput naming the fields, also for a name that another instance of the user has; Conflict; NotFound.
    """
    clean = validation.cleaned_instance({"name": character.name, **values})
    try:
        with transaction():
            if Instance.objects.filter(owner=user).count() >= MAX_INSTANCES:
                raise Conflict(_("At most %(limit)d instances.") % {"limit": MAX_INSTANCES})
            seen = Character.objects.select_for_update(of=("self",)).filter(visible_to(user), pk=character.pk)
            row = seen.first()
            if row is None:
                raise NotFound
            return Instance.objects.create(owner=user, character=row, **clean, **made)
    except IntegrityError:
        raise _name_taken() from None


def update_instance(*, instance: Instance, values: Mapping[str, Any]) -> Instance:
    """Change name or memory of one instance, and of no other; raises as `create_instance`."""
    clean = validation.cleaned_instance(values)
    for name, value in clean.items():
        setattr(instance, name, value)
    if clean:
        instance.updated_at = clock.now()
        try:
            with transaction():
                _write_instance(instance, clean)
        except IntegrityError:
            raise _name_taken() from None
    return instance


def delete_instance(*, instance: Instance) -> None:
    """Remove an instance with its memory; a character that was kept only for it goes as well."""
    with transaction():
        _delete_instances([instance])


def _write_instance(instance: Instance, clean: Mapping[str, Any]) -> None:
    changes = {**clean, "updated_at": instance.updated_at}
    if not Instance.objects.filter(pk=instance.pk).update(**changes):
        raise NotFound


def _delete_instances(instances: Sequence[Instance]) -> None:
    retired = {instance.character_id for instance in instances if instance.character.is_retired}
    # Locked in one order: of the last two instances that go at once, the second sees that it is the last.
    kept = list(Character.objects.select_for_update().filter(pk__in=retired).order_by("pk"))
    Instance.objects.filter(pk__in=[instance.pk for instance in instances]).delete()
    used = set(Instance.objects.filter(character__in=kept).values_list("character_id", flat=True))
    _remove([character for character in kept if character.pk not in used])


def _name_taken() -> InvalidInput:
    return InvalidInput.field("name", _("You have another instance of this name."))
