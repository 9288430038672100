"""One way of publishing data a file."""
