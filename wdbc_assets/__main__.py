"""`python -m wdbc_assets` is `wdbc`."""

from wdbc_assets.cli import main

if __name__ == "__main__":  # the processes that a command starts import this module too
    main()
