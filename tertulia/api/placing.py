"""Finds what a sending body names among the asker's own conversations and messages; `sending` calls it by `Ask.place`.

An id of somebody else's is as unknown as one that never was, and both are named with the same words.
"""

from django.utils.translation import gettext_lazy as _

from tertulia.accounts.gate import Identity
from tertulia.api.endpoint import id_from, parse_id
from tertulia.api.sending import ModelNotOffered, Place
from tertulia.characters import access as characters
from tertulia.characters import queries
from tertulia.characters.access import Instance
from tertulia.chat import access
from tertulia.chat.access import Conversation, Message
from tertulia.core.errors import Conflict, InvalidInput, NotFound


def instance_named(identity: Identity, instance_id: str | None) -> Instance | None:
    """The asker's instance that a body names; InvalidInput naming `instance`."""
    if instance_id is None:
        return None
    found = parse_id(instance_id)
    try:
        if found is None:
            raise NotFound
        return characters.instance_for(identity.user, found)
    except NotFound:
        raise InvalidInput.field("instance", _("There is no such instance.")) from None


def spoken_to(identity: Identity, model: str) -> Place:
    """Who a model id of the facade means: `instance:<name>` or `character:<slug>`; raises ModelNotOffered."""
    kind, _separator, name = model.partition(":")
    try:
        if kind == "character":
            return Place(character=characters.character_for(identity.user, name))
        instance = queries.instance_named(identity.user, name)
        if instance is None:
            raise NotFound
        return Place(instance=instance)
    except NotFound:
        raise ModelNotOffered.field(
            "model", _("This model is not offered; see the list of models.")
        ) from None


def in_named(
    identity: Identity,
    conversation_id: str | None,
    instance_id: str | None = None,
    greeting: int | None = None,
) -> Place:
    """The end of the conversation that a body names, or a new one; InvalidInput naming `conversation`, `instance`."""
    instance = instance_named(identity, instance_id)
    if conversation_id is None:
        return Place(instance=instance, greeting=greeting)
    found = parse_id(conversation_id)
    try:
        if found is None:
            raise NotFound
        conversation = access.conversation_for(identity.user, found)
    except NotFound:
        raise InvalidInput.field("conversation", _("There is no such conversation.")) from None
    return Place(conversation=conversation, parent=conversation.leaf, instance=instance, greeting=greeting)


def at_end(identity: Identity, conversation_id: str) -> Place:
    """After the message that ends the branch last shown; NotFound for an unknown conversation."""
    conversation = access.conversation_for(identity.user, id_from(conversation_id))
    return Place(conversation=conversation, parent=conversation.leaf)


def under(identity: Identity, conversation_id: str, parent_id: str | None) -> Place:
    """Under a message of the conversation (None: a new root); InvalidInput naming `parent`."""
    conversation = access.conversation_for(identity.user, id_from(conversation_id))
    if parent_id is None:
        return Place(conversation=conversation)
    return Place(conversation=conversation, parent=message_named(conversation, "parent", parent_id))


def message_named(conversation: Conversation, name: str, text: str) -> Message:
    """A message of the conversation by the id in a field or parameter; InvalidInput with that `name`."""
    found = parse_id(text)
    try:
        if found is None:
            raise NotFound
        return access.message_in(conversation, found)
    except NotFound:
        raise InvalidInput.field(name, _("There is no such message in this conversation.")) from None


def again(identity: Identity, message_id: str) -> Place:
    """Beside an answer, or below a user's message: another answer to the same words. NotFound, Conflict."""
    message = access.message_for(identity.user, id_from(message_id))
    asked = _asked(message)
    if asked is None:
        raise Conflict(_("The message that this answered is gone."))
    return Place(conversation=message.conversation, user_message=asked)


def _asked(message: Message) -> Message | None:
    if message.role == "user":
        return message
    parent = message.parent
    return parent if parent and parent.role == "user" else None
