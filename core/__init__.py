"""The rules: events, values, state, `decide`, `evolve`, gates, strategies. It touches nothing."""
