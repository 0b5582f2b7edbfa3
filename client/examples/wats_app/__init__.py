"""Stands for the recorder's own package, in which the contract's examples import the client."""
