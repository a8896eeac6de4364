"""Tests of the shell: real files, real processes, real sockets."""
