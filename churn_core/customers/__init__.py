"""What people do with scores: tiers, lists, profiles, exports."""
