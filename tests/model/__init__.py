"""The model of the submission protocol, and what ties it to the code."""
