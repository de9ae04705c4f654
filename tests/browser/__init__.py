"""A real headless Chromium, driven by playwright-core as a person would drive it."""
