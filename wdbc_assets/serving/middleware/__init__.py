"""ASGI middleware around the routes: request log, authentication, limits. No FastAPI here."""
