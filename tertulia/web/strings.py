"""The words that the client's program needs, in the language of the page; the page carries them as JSON."""

from django.utils.translation import gettext as _

from tertulia.providers.errors import FAULTS
from tertulia.web.forms import RESUME


def client_words() -> dict[str, object]:
    """Words by their name in `client/src/words.ts`. `{name}` is filled in by the program."""
    return {
        "copy": _("Copy"),
        "copied": _("Copied"),
        "image": _("Image"),
        "sending": _("Sending…"),
        "answered": _("Answer: {text}"),
        "resume": str(RESUME),
        "lost": _("The connection was lost. Trying again…"),
        "broken": _("The connection was lost. Load the page again to see the rest."),
        "notSent": _("Not sent: the server cannot be reached. Your text is kept."),
        "refused": _("Not sent: {reason}"),
        "overQuota": _("Not sent: today's requests are used up. New ones come at {time}."),
        "signedOut": _("Your session has ended. Your text is kept."),
        "signIn": _("Sign in again"),
        "quota": _("{remaining} of {limit} left today"),
        "quotaUsed": _("{used} today, no limit"),
        "yourWords": _("your own words"),
        "proposedBy": _("proposed by {name}"),
        "quoteBoard": _("quote board"),
        "resets": _("resets {time}"),
        "notRead": _("Cannot be read aloud: {reason}"),
        "unreachable": _("The server cannot be reached."),
        "soundForbidden": _("The browser does not let this page play sound."),
        "soundUnplayable": _("What came is no sound that this browser can play."),
        "soundLost": _("The voice broke off."),
        "notWrittenDown": _("Could not be written down: {reason}"),
        "nothingHeard": _("Nothing was heard. Is the microphone on, and the right one?"),
        "microphoneDenied": _(
            "This page may not use the microphone. Allow it in the browser, beside the address."
        ),
        "microphoneInsecure": _(
            "Browsers give the microphone only to pages over https, or on this machine (localhost)."
        ),
        "microphoneBusy": _("The microphone cannot be used; another program may have it."),
        "microphoneMissing": _("No microphone was found."),
        "faults": {slug: _(fault.detail) for slug, fault in FAULTS.items()},
    }
