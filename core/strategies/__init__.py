"""Two worked strategies: start from one of them."""
