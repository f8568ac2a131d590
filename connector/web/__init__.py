"""What listens: webhook receiver, health, metrics, ops API."""
