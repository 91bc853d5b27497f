"""The work between a folder of videos and committed tables."""
