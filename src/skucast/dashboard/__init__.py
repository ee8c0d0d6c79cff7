"""What people look at: frames in, one page out, and the views of Looker Studio."""
