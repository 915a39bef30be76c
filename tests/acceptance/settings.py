"""The shipped settings, with one difference: passwords are hashed lightly.

Hashing well takes a fifth of a second of a processor, and the programme makes a thousand people. Items on passwords,
on the time that signing in takes and on what is shipped ask the stage for a `shipped` world.
"""

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from tertulia.config.settings import *  # noqa: F403


class LightHasher(PBKDF2PasswordHasher):
    """The same scheme with a thousandth of the rounds."""

    iterations = 1000


PASSWORD_HASHERS = ["tests.acceptance.settings.LightHasher"]
