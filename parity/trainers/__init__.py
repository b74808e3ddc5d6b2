"""One provider a file: whose implementation an arm uses for its stages."""
