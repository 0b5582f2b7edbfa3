"""How much of everything there was in each hour: counted, kept, and shown as charts and totals."""
