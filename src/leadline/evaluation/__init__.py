"""Models under one protocol: ours and anyone's behind one contract, measured, remembered, summed up."""
