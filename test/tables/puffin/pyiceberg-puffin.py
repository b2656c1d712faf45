"""Reads a Puffin file by PyIceberg: prints the positions of each deletion vector, by data file."""

import json
import sys

from pyiceberg.table.deletion_vector import deletion_vectors_from_puffin_file
from pyiceberg.table.puffin import PuffinFile

with open(sys.argv[1], "rb") as file:
    vectors = deletion_vectors_from_puffin_file(PuffinFile(file.read()))
print(json.dumps({one.referenced_data_file: one.to_vector().to_pylist() for one in vectors}))
