"""Runs from end to end, whoever asks for them: the command line, a test, a script."""
