"""Pages for people: templates, views, static files."""
