"""Retention: how long recordings must be kept, when they are deleted, and by which rule.

`deciding.py` is the whole of the rules, and pure. Everything else asks it: planning writes dates
down, the nightly run marks what is due and hands over to portal/core/deletion.py once a time of
grace is over. docs/retention.md tells it to people.
"""
