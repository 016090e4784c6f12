"""`python -m watchword.cli`: how a supervisor starts its roles with its own interpreter."""

from watchword.cli import main

if __name__ == "__main__":
    main()
