"""Every method and its baselines on labelled groups; metrics; intervals."""
