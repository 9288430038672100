"""What people run rather than call: the demo and its report."""
