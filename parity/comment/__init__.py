"""A pull request's comment: made with the right to write it, from results that a fork may have made."""
