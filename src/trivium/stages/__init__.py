"""The stages, a house each. They never import each other: they meet through sealed artifacts on disk."""
