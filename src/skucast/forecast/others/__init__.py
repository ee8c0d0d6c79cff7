"""Models beside ours: what they are asked, on long frames, and adapters for those of other libraries."""
