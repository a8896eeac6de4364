"""The Alpaca adapter against real sockets that answer as badly as anything can."""
