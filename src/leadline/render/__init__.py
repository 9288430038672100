"""Labelled pictures out of nothing: procedural scenes, exact depth by ray casting, simple shading."""
