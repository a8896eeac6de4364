"""The journal's promises, each as tests against real files, processes and kills."""
