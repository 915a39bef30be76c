"""Tertulia: your own ChatGPT with characters, as a Django application."""

__version__ = "0.1.0"
