"""Other systems' dialects over the same features; a face translates and holds no rule."""
