"""`python -m interlock` is the command line."""

from interlock._cli import main

if __name__ == "__main__":
    main()
