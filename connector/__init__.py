"""Documents announced on Kafka go to Rossum; captured data comes back on Kafka, exactly once."""
