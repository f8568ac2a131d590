"""A Rossum of one's own on a real port, for any client; it shares no code with the connector."""
