import sys

import pyiceberg

print(pyiceberg.__version__, *sys.argv[1:])
