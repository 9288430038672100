"""Encoders, the DPT decoder, and the networks made of them."""
