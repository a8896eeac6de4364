"""Where orders go: the simulated venue with its file, and the protocol every broker keeps."""
