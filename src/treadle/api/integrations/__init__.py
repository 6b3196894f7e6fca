"""Integrations (contract §5): stored connections to other systems."""
