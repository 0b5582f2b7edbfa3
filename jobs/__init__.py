"""What runs in the workers: thin entry points over portal.core."""
