"""The only place that knows aiokafka."""
