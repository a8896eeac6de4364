"""The shell around the core: runner, brokers, market feeds, operator. It touches the world."""
