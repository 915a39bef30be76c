"""E-mail to users, sent beside the request: how long a mail server takes tells nobody whether an account exists."""

import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.core.mail import send_mail
from django.db.transaction import on_commit
from django.utils.functional import Promise

from tertulia.core.ids import uuid7

logger = logging.getLogger(__name__)

# One after the other: mail servers do not like to be asked for many at once.
_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")


def send(to: str, subject: str | Promise, text: str | Promise) -> None:
    """Send a message once the present transaction commits, in the language of now."""
    on_commit(partial(_pool.submit, _send, to, str(subject), str(text)))


def settle() -> None:
    """Wait until what was handed over so far is sent or has failed."""
    _pool.submit(int).result()


def _send(to: str, subject: str, text: str) -> None:
    try:
        send_mail(subject, text, None, [to])
    except Exception:  # the border of a task: whatever a mail server does must not end the thread
        logger.exception("mail %s could not be sent", uuid7())
