"""What works on items: claims them, runs them, writes what became of them, and keeps the queue in order."""
