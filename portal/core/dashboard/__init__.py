"""What the start page tells, by who asks: for people who play, who operate, and who send."""
