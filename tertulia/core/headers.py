"""Security headers that every answer carries, whoever gives it: pages, API, static files, early refusals."""

from django.conf import settings

# Pages: scripts and styles of our own with the page's nonce, nothing from anywhere else.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types tertulia"
)
# Django's admin writes markup by jQuery, which Trusted Types would stop; in everything else it is as strict.
ADMIN_POLICY = PAGE_POLICY.partition("; require-trusted-types-for")[0]
# Everything that is no page: opened by itself it may do nothing at all.
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
}


def common() -> dict[str, str]:
    """The headers without a policy; with HSTS where the instance is served by https."""
    if not settings.SECURE_HSTS_SECONDS:
        return _ALWAYS
    return _ALWAYS | {"Strict-Transport-Security": f"max-age={settings.SECURE_HSTS_SECONDS}"}


def of_files() -> dict[str, str]:
    """The headers of what is no page."""
    return common() | {"Content-Security-Policy": FILE_POLICY}


def of_embedded_files() -> dict[str, str]:
    """The headers of the files that foreign pages may load: they are the same for everybody and hold no secret."""
    return of_files() | {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
