"""`python -m ccctl`."""

from ccctl.cli.main import main

if __name__ == "__main__":
    main(prog_name="ccctl")
