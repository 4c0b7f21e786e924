"""`python -m wdbc_assets` is `wdbc`."""

from wdbc_assets.cli import main

main()
