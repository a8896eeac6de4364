"""The rules: events, values, state, `decide`, `evolve`, gates, strategies. Pure: it touches nothing."""
