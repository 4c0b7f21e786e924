"""What every request passes before its endpoint: request log, authentication, limits. Plain ASGI, no FastAPI."""
