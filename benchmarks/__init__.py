"""Measures the connector as ratios within one run on one machine: `python -m benchmarks [NAME…] [--quick]`.

A figure alone says more about the machine than about the code, so each stands beside a limit that was measured in the
same run: the same server without Kafka, a bare transaction, a bare upload loop. Nothing here asserts a time. Kafka is
the broker that `KAFKA_BOOTSTRAP_SERVERS` names, else the best that the tests can find.
"""
