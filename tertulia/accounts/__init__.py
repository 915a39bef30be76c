"""Users, credentials, and the daily quota."""
