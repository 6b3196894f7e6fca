"""The workflow API: contract §5, each request as its callers know it."""
