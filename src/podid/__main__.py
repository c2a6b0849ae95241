"""`python -m podid`, for environments without the console script on the PATH."""

from podid.entry import main

main()
