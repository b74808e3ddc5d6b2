"""The comment on a pull request: posted with the right to write it, from results that a fork may have made."""
