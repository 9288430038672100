"""The papers' recipes as data; a recipe and a network are chosen apart."""
