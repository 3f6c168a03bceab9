"""What is kept for people to look at: documents that a layer dropped or left, and pages beside their texts."""
