"""Django's settings, from the environment; every variable is listed in `.env.example` and in the reference page."""

import os
import re
from pathlib import Path
from typing import Any

from tertulia.config import checks, logs
from tertulia.config import env as environment

PACKAGE = Path(__file__).resolve().parent.parent

env = environment.load()
DATA = environment.data_folder(env)

# --- Database -------------------------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": environment.database(env, "DATABASE_URL", DATA / "tertulia.sqlite3")
}
_database = DATABASES["default"]
ON_SQLITE = _database["ENGINE"] == "django.db.backends.sqlite3"
if ON_SQLITE:
    _database["OPTIONS"] = {
        # IMMEDIATE: a transaction that begins by reading never fails when it comes to write.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # Each thread's connection has a cache of its own; what it does not hold, the system's does. With 8 MB each a
        # server of many answers grew by a megabyte a minute until all were full.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-2000;",
    }
else:
    # The pool tries again after 1, 2, 4, 8 … seconds; begun anew every five, it is back soon after a long absence too.
    _pool = {"min_size": 1, "max_size": 10, "timeout": 10, "reconnect_timeout": 5}
    _database.setdefault("OPTIONS", {})["pool"] = _pool
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Security -------------------------------------------------------------------------------------------------------
DEBUG = environment.flag(env, "DEBUG", default=False)
SECRET_KEY = environment.secret_key(env, DATA, may_generate=ON_SQLITE)
_platform_hosts = environment.platform_hosts()
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[]) or [
    *_platform_hosts, "localhost", "127.0.0.1", "[::1]",
]  # fmt: skip
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[]) or [
    f"https://{host}" for host in _platform_hosts
]
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_CREDENTIALS = False
CORS_EXPOSE_HEADERS = [
    "Link", "Location", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
    "Idempotency-Replayed", "X-Request-Id",
]  # fmt: skip
CORS_ALLOW_HEADERS = [
    "accept", "authorization", "authentication", "content-type", "idempotency-key", "last-event-id",
]  # fmt: skip
# An origin that is served by https makes every cookie Secure; plain http stays usable on the own machine.
BEHIND_HTTPS = any(origin.startswith("https://") for origin in CSRF_TRUSTED_ORIGINS)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
SESSION_ENGINE = "tertulia.accounts.sessions"
SESSION_COOKIE_NAME = "__Host-session" if BEHIND_HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if BEHIND_HTTPS else "csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SILENCED_SYSTEM_CHECKS = [
    # Django's own middleware is not used: `config.middleware` sets the headers and checks forms, on the event loop.
    "security.W001", "security.W002", "security.W003",
]  # fmt: skip
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "tertulia.config.errors.csrf_failure"
# Bodies beyond this are refused with 413 before they are read whole.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
# Addresses that take a file: its own limit, which the view names, and a little for the form around it.
UPLOAD_LIMITS = {
    re.compile(r"/api/characters/(import|[^/]+/picture)"): 10_100_000,
    # A picture together with the texts of a character.
    re.compile(r"/characters/(import|new|[^/]+/edit)"): 11_100_000,
    re.compile(r"/(api|accounts)/import"): 100_100_000,
}

# --- Application ----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    # First, so that its runserver is the one that streams.
    "tertulia.config",
    "tertulia.web",
    "tertulia.chat",
    "tertulia.quotes",
    "tertulia.characters",
    "tertulia.accounts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.socialaccount",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
]
MIDDLEWARE = [
    "tertulia.config.middleware.Gateway",
    "corsheaders.middleware.CorsMiddleware",
    "tertulia.config.middleware.Session",
    "tertulia.config.middleware.Locale",
    "tertulia.config.middleware.Csrf",
    "tertulia.config.middleware.Authentication",
    "tertulia.config.middleware.Messages",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "tertulia.config.urls"
ASGI_APPLICATION = "tertulia.config.asgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tertulia.web.context.page",
            ]
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = DATA / "static"
MEDIA_ROOT = DATA / "media"

# --- Accounts -------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "nickname")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/accounts/login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
HEADLESS_JWT_ALGORITHM = "HS256"
# A logged-out, suspended or deleted user's token ends at once; it costs one read of session and user.
HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED = True
HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN = 900
HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN = 14 * 86_400
MFA_ADAPTER = "tertulia.accounts.factors.Adapter"
# A code of the half minute before or after: clocks of telephones differ.
MFA_TOTP_TOLERANCE = 1
SOCIALACCOUNT_ADAPTER = "tertulia.accounts.oauth.Adapter"
SOCIALACCOUNT_QUERY_EMAIL = True
SOCIALACCOUNT_STORE_TOKENS = False
GITHUB_CLIENT_ID = env.str("GITHUB_CLIENT_ID", "")
GITHUB_CLIENT_SECRET = env.str("GITHUB_CLIENT_SECRET", "")
GITHUB_URL = environment.origin(env, "GITHUB_URL", "https://github.com")
_github_api = "https://api.github.com" if GITHUB_URL == "https://github.com" else f"{GITHUB_URL}/api/v3"
GITHUB_API_URL = environment.origin(env, "GITHUB_API_URL", _github_api)
KAKAO_CLIENT_ID = env.str("KAKAO_CLIENT_ID", "")
KAKAO_CLIENT_SECRET = env.str("KAKAO_CLIENT_SECRET", "")
KAKAO_AUTH_URL = environment.origin(env, "KAKAO_AUTH_URL", "https://kauth.kakao.com")
KAKAO_API_URL = environment.origin(env, "KAKAO_API_URL", "https://kapi.kakao.com")
vars().update(environment.mail(env, "EMAIL_URL", "consolemail://"))
TERTULIA_SIGNUP = environment.choice(env, "TERTULIA_SIGNUP", ("open", "invite", "closed"))
TERTULIA_VERIFY_EMAIL = environment.flag(env, "TERTULIA_VERIFY_EMAIL", default=False)
TERTULIA_BREAK_GLASS = environment.flag(env, "TERTULIA_BREAK_GLASS", default=False)
TERTULIA_DAILY_QUOTA = environment.optional_count(env, "TERTULIA_DAILY_QUOTA", 5)
TERTULIA_TIME_ZONE = environment.time_zone(env, "TERTULIA_TIME_ZONE")

# --- Language models ------------------------------------------------------------------------------------------------
OPENAI_API_KEY = env.str("OPENAI_API_KEY", "")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", "") or ("https://api.openai.com/v1" if OPENAI_API_KEY else "")
TERTULIA_DEFAULT_MODEL = env.str("TERTULIA_DEFAULT_MODEL", "")
TERTULIA_FIRST_TOKEN_SECONDS = environment.seconds(env, "TERTULIA_FIRST_TOKEN_SECONDS", 30.0)
TERTULIA_STRICT_ROLES = environment.flag(env, "TERTULIA_STRICT_ROLES", default=False)
TERTULIA_EMBEDDINGS_MODEL = env.str("TERTULIA_EMBEDDINGS_MODEL", "")
TERTULIA_EMBEDDINGS_URL = env.str("TERTULIA_EMBEDDINGS_URL", "") or OPENAI_BASE_URL
# The provider's key goes to the provider only.
TERTULIA_EMBEDDINGS_KEY = env.str("TERTULIA_EMBEDDINGS_KEY", "") or (
    OPENAI_API_KEY if TERTULIA_EMBEDDINGS_URL == OPENAI_BASE_URL else ""
)
TERTULIA_MEMORY = environment.flag(env, "TERTULIA_MEMORY", default=True)
TERTULIA_MEMORY_PAUSE = environment.seconds(env, "TERTULIA_MEMORY_PAUSE", 120.0)

# --- Speech ---------------------------------------------------------------------------------------------------------
TERTULIA_SPEECH_API_KEY = env.str("TERTULIA_SPEECH_API_KEY", "")
TERTULIA_SPEECH_BASE_URL = env.str("TERTULIA_SPEECH_BASE_URL", "")
TERTULIA_SPEECH_MODEL = env.str("TERTULIA_SPEECH_MODEL", "")
TERTULIA_SPEECH_VOICE = env.str("TERTULIA_SPEECH_VOICE", "")
TERTULIA_SPEECH_CHARACTERS = environment.positive(env, "TERTULIA_SPEECH_CHARACTERS", 4_096)
TERTULIA_SPEECH_QUOTA = environment.optional_count(env, "TERTULIA_SPEECH_QUOTA", 50)
TERTULIA_TRANSCRIPTION_API_KEY = env.str("TERTULIA_TRANSCRIPTION_API_KEY", "")
TERTULIA_TRANSCRIPTION_BASE_URL = env.str("TERTULIA_TRANSCRIPTION_BASE_URL", "")
TERTULIA_TRANSCRIPTION_MODEL = env.str("TERTULIA_TRANSCRIPTION_MODEL", "")
TERTULIA_TRANSCRIPTION_MEGABYTES = environment.positive(env, "TERTULIA_TRANSCRIPTION_MEGABYTES", 25)
TERTULIA_TRANSCRIPTION_SECONDS = environment.positive(env, "TERTULIA_TRANSCRIPTION_SECONDS", 600)
UPLOAD_LIMITS[re.compile(r"/(api|v1/audio)/transcriptions")] = (
    TERTULIA_TRANSCRIPTION_MEGABYTES * 1_048_576 + 100_000
)

# --- API ------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tertulia.api.authentication.GateAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tertulia.api.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tertulia.api.problems.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tertulia",
    "DESCRIPTION": "Chat with characters: conversations, streamed answers, quota.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "AudioFormatEnum": "tertulia.speech.base.FORMATS",
        "TranscriptFormatEnum": ["json", "text", "verbose_json"],
    },
}

# --- Languages and time ---------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("zh-hans", "简体中文"),
    ("es", "Español"),
    ("ko", "한국어"),
    ("ru", "Русский"),
]
LOCALE_PATHS = [PACKAGE / "locale"]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_TZ = True
TIME_ZONE = "UTC"

# --- Operation ------------------------------------------------------------------------------------------------------
# Only an accelerator: the database stays the truth, and everything works without it.
REDIS_URL = environment.redis(env, "REDIS_URL")
TERTULIA_METRICS_TOKEN = env.str("TERTULIA_METRICS_TOKEN", "")

# --- Logs -----------------------------------------------------------------------------------------------------------
LOGGING = logs.configuration()

checks.refuse(
    checks.Facts(
        debug=DEBUG,
        secret_key=SECRET_KEY,
        hosts=ALLOWED_HOSTS,
        trusted_origins=CSRF_TRUSTED_ORIGINS,
        cors_origins=CORS_ALLOWED_ORIGINS,
        database=_database,
        data=DATA,
        provider_url=OPENAI_BASE_URL,
        provider_key=OPENAI_API_KEY,
        metrics_token=TERTULIA_METRICS_TOKEN,
        platform=os.environ,
    )
)
