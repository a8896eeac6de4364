"""The shell around the core: runner, brokers, market feeds, rate limit, operator. It touches the world."""
