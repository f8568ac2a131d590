"""Publishing again what was published, and what lies beyond the horizon for the first time."""
