"""Tests of the configuration for Prometheus, Alertmanager and Grafana, with the real programs."""
