"""The only place that knows Rossum's HTTP API."""
