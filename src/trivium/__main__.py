"""`python -m trivium` is the same front door as the `trivium` command."""

from trivium.cli.app import main

if __name__ == "__main__":
    main()
