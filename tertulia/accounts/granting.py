"""Who may ask how much, as the command `quota` and the admin set it; `quota` counts by it."""

from datetime import datetime

from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import audit, rows
from tertulia.accounts.models import GroupQuota, QuotaBoost, User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import InvalidInput, NotFound

MAX_LIMIT = 2**31 - 1
MAX_BOOST_DAYS = 3650


def limit_user(*, user: User, daily_quota: int | None) -> None:
    """Give a user a limit of their own; None: unlimited. Raises InvalidInput."""
    _check(daily_quota)
    with transaction():
        rows.write(user, daily_quota=daily_quota, is_unlimited=daily_quota is None)
        audit.record(audit.Kind.QUOTA, user=user)


def clear_user(*, user: User) -> None:
    """Let a user's groups and the instance decide again; boosts end."""
    with transaction():
        rows.write(user, daily_quota=None, is_unlimited=False)
        QuotaBoost.objects.filter(user=user).delete()
        audit.record(audit.Kind.QUOTA, user=user)


def boost_user(*, user: User, units: int, until: datetime) -> None:
    """Let a user ask `units` times more on every day until an instant. Raises InvalidInput."""
    _check(units)
    with transaction():
        QuotaBoost.objects.create(user=user, units=units, until=until)
        audit.record(audit.Kind.QUOTA, user=user, detail="boost")


def boosts_of(user: User) -> QuerySet[QuotaBoost]:
    """What is given besides and has not ended."""
    return QuotaBoost.objects.filter(user=user, until__gt=clock.now()).order_by("until")


def limit_group(*, name: str, daily_quota: int | None) -> None:
    """Give all members of a group a limit; None: unlimited. Raises InvalidInput, NotFound."""
    _check(daily_quota)
    with transaction():
        GroupQuota.objects.update_or_create(group=_group(name), defaults={"daily_quota": daily_quota})


def clear_group(*, name: str) -> None:
    """Take a group's limit away; raises NotFound."""
    with transaction():
        GroupQuota.objects.filter(group=_group(name)).delete()


def group_limit(name: str) -> tuple[int | None] | None:
    """A group's limit in a tuple, (None,) being unlimited; None when the group sets none. Raises NotFound."""
    row = GroupQuota.objects.filter(group=_group(name)).first()
    return (row.daily_quota,) if row else None


def _group(name: str) -> Group:
    group = Group.objects.filter(name=name).first()
    if group is None:
        raise NotFound
    return group


def _check(count: int | None) -> None:
    if count is not None and not 0 <= count <= MAX_LIMIT:
        raise InvalidInput(_("A whole number from 0 is expected."))
