"""Everything needed to see the product work on one machine: simulator, embedded broker, sample documents."""
