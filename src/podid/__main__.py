"""`python -m podid`, for where the console script is not on the PATH."""

from podid.entry import main

main()
