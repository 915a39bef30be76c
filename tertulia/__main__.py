"""`python -m tertulia`: the console script, for an environment whose scripts are not on PATH."""

from tertulia.cli import main

main()
