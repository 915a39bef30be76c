"""Settings, start-up checks, URL map and the ASGI application: what joins the parts."""
