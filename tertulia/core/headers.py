"""Security headers that every answer carries, whoever gives it: pages, API, static files, early refusals."""

from django.conf import settings

# Pages: scripts and styles of our own with the page's nonce, nothing from anywhere else.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types tertulia"
)
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
