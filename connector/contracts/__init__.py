"""What others rely on: arrivals, events and their envelope; the source of schemas/."""
