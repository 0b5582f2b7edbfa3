"""The command line `recordings`, built on the client. `exits.py` has what its exit codes mean."""
