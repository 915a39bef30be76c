"""The page face of signing in at GitHub and Kakao: there and back, and links to one's account.

A browser may only finish what it began: its session holds the states that it was sent away with. Starting is a plain
link, since it changes nothing here; a form that leads to another host would be stopped by the policy of the pages.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from tertulia.accounts import entering, linking, social
from tertulia.accounts.errors import AddressInUse, CodeRequired
from tertulia.accounts.gate import address_of
from tertulia.accounts.linking import Attempt
from tertulia.accounts.queries import User
from tertulia.accounts.social import SocialProfile
from tertulia.core.db import in_db
from tertulia.core.errors import Problem
from tertulia.web.appearance import back
from tertulia.web.entrance import ask_for_code, form_page, let_in, show
from tertulia.web.members import login_of, members_only

# Sign-ins that one browser may have begun and not finished, in several tabs.
MAX_BEGUN = 5
_BEGUN = "social"


@never_cache
@require_safe
def start(request: HttpRequest, provider: str) -> HttpResponse:
    """Away to the provider."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(back(request))
    return HttpResponseRedirect(_begin(request, provider, invite=request.GET.get("invite", "")))


@form_page
@members_only
def link(request: HttpRequest, provider: str) -> HttpResponse:
    """Link a provider to one's account, or end that (`action=unlink`)."""
    social.require_offered(provider)
    user = login_of(request).user
    if request.method != "POST":
        return _show_link(request, provider, user)
    try:
        if request.POST.get("action") == "unlink":
            return _unlink(request, provider, user)
        entering.confirm_password(
            user=user,
            current_password=request.POST.get("current_password") or None,
            address=address_of(request),
        )
    except Problem as problem:
        return _show_link(request, provider, user, problem)
    return show(request, "away", provider=social.NAMES[provider], url=_begin(request, provider, user=user))


@never_cache
@require_GET
async def callback(request: HttpRequest, provider: str) -> HttpResponse:
    """Back from the provider, with a code or with a refusal."""
    try:
        attempt = await in_db(_finish, request, provider)
        if "code" not in request.GET:
            raise _refused_by(request)
        profile = await linking.fetch(request, attempt, request.GET["code"][:2048])
        return await in_db(_arrive, request, attempt, profile)
    except Problem as problem:
        return await in_db(_show_problem, request, provider, problem)


def _begin(request: HttpRequest, provider: str, *, user: User | None = None, invite: str = "") -> str:
    begun = linking.start(
        request,
        provider=provider,
        client="page",
        redirect_uri=linking.callback_uri(request, provider),
        user=user,
        next=back(request, "/accounts/security" if user else "/"),
        invite=invite,
        language=get_language() or "",
    )
    request.session[_BEGUN] = [*request.session.get(_BEGUN, []), begun.state][-MAX_BEGUN:]
    return begun.url


def _finish(request: HttpRequest, provider: str) -> Attempt:
    """The attempt of the state that came back, which this browser must have been sent away with."""
    state = request.GET.get("state", "")
    begun: list[str] = request.session.get(_BEGUN, [])
    if not state or state not in begun:
        raise linking.unknown_state()
    request.session[_BEGUN] = [each for each in begun if each != state]
    user = request.user if request.user.is_authenticated else None
    return linking.take(provider=provider, state=state, client="page", user=user)


def _arrive(request: HttpRequest, attempt: Attempt, profile: SocialProfile) -> HttpResponse:
    if attempt.user is not None:
        linking.link(user=attempt.user, profile=profile)
        messages.success(request, _("Linked."))
        return HttpResponseRedirect(attempt.next or "/", status=303)
    try:
        user = linking.sign_in(profile=profile, attempt=attempt, address=address_of(request))
    except CodeRequired as required:
        return ask_for_code(request, required, attempt.next or "/")
    return let_in(request, user, attempt.next or "/")


def _refused_by(request: HttpRequest) -> Problem:
    if request.GET.get("error") == "access_denied":
        return linking.unconfirmed(_("You did not allow it. Nothing was changed."))
    return linking.unconfirmed(_("The provider did not confirm this sign-in. Start again."))


def _show_problem(request: HttpRequest, provider: str, problem: Problem) -> HttpResponse:
    social.require_offered(provider)
    context = {"provider": social.NAMES[provider], "in_use": isinstance(problem, AddressInUse)}
    return show(request, "not_signed_in", problem, **context)


def _show_link(
    request: HttpRequest, provider: str, user: User, problem: Problem | None = None
) -> HttpResponse:
    return show(
        request,
        "connect",
        problem,
        provider=social.NAMES[provider],
        provider_id=provider,
        is_linked=linking.links_of(user).filter(provider=provider).exists(),
        has_password=user.has_usable_password(),
    )


def _unlink(request: HttpRequest, provider: str, user: User) -> HttpResponse:
    linking.unlink(user=user, provider=provider)
    messages.success(request, _("Unlinked."))
    return HttpResponseRedirect("/accounts/security", status=303)
