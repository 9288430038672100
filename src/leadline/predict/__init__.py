"""From pictures to maps, and maps to figures."""
