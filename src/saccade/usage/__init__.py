"""Who did: what is counted of each request and each prediction, and the reports made of it."""
