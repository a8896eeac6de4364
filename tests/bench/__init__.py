"""The benchmarks: each a ratio, measured in one run against a floor or a peer."""
