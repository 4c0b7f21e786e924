"""The HTTP API: endpoints, schemas of requests and responses, problem details, and the documentation pages."""
