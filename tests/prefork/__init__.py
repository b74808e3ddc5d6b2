"""Processes that have imported what takes long, and are forked for each command, cell and mutant of the tests.

Each server is run as a file, so that neither `tests` nor `parity` is imported in it before a fork asks for its own.
"""
