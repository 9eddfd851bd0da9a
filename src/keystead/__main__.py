"""python -m keystead: the command line."""

from keystead.cli.main import main

if __name__ == "__main__":
    main()
