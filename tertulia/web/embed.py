"""What the chat on a foreign page (`client/src/embed`) needs of the server beside the API: its words."""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tertulia.web.strings import client_words


@require_safe
def words(request: HttpRequest) -> JsonResponse:
    """Words by their name in `client/src/embed/words.ts`, in the language that the reader's browser prefers."""
    body = client_words() | {
        "language": get_language(),
        "mayJoin": settings.TERTULIA_SIGNUP == "open",
        "conversation": _("Conversations"),
        "newConversation": _("New conversation"),
        "messages": _("Messages"),
        "placeholder": _("Write a message"),
        "send": _("Send"),
        "stop": _("Stop"),
        "you": _("You"),
        "thoughts": _("Thoughts"),
        "sources": _("Sources"),
        "earlier": _("Earlier messages"),
        "resumeAnswer": _("Continue"),
        "again": _("Try again"),
        "interrupted": _("The answer was interrupted."),
        "stoppedAnswer": _("Stopped."),
        "failed": _("There is no answer."),
        "email": _("E-mail address"),
        "password": _("Password"),
        "nickname": _("Nickname"),
        "code": _("Code"),
        "signIn": _("Sign in"),
        "signOut": _("Sign out"),
        "join": _("Join"),
        "joinInstead": _("You are new here?"),
        "signInInstead": _("You have an account already?"),
        "codeHint": _("Enter the code of your authenticator app, or a recovery code."),
        "unreachable": _("The server cannot be reached."),
    }
    response = JsonResponse(body)
    patch_vary_headers(response, ["Accept-Language"])
    return response
