#!/usr/bin/env python3
"""Django's usual entry point: the same commands as the console script `tertulia`."""

from tertulia.cli import main

if __name__ == "__main__":
    main()
