"""What the product does, as functions over (session, store). Knows no Flask, no RQ, no Redis."""
