"""unsloth_zoo's `MLXTrainer` and `FastMLXModel`, releases 2026.5 and newer: called, never copied (AGPL-3.0)."""
