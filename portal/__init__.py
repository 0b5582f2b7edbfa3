"""The recordings portal: a Flask application that takes in, keeps and plays recordings."""

__version__ = "0.1.0"
