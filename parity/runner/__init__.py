"""Processes of the lab on this machine, and the environments that they run in."""
