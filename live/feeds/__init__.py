"""Where quotes and signals come from: the simulated market, CSV files; one protocol for all."""
