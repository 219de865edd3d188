"""Every method and its rivals on labelled groups; metrics; intervals."""
