"""What Tertulia's performance is claimed with: `python3 dev.py bench [NAME …]`; README.md explains the figures."""
