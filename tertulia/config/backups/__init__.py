"""An instance in one file: rows as JSON lines, media, the generated secret; the same format for both databases."""
