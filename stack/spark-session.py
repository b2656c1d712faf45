"""One Spark session that runs SQL which is posted to it.

Argument: a JSON object {port, conf: {name: value}}. A statement is the body of a POST; the answer
is a JSON list of rows, each a list of texts (null stays null), or 400 with the error's text. It
logs `Spark session is ready` once it listens.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from pyspark.sql import SparkSession

settings = json.loads(sys.argv[1])
builder = SparkSession.builder
for name, value in settings["conf"].items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()


class Session(BaseHTTPRequestHandler):
    def do_POST(self):
        sql = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            found = spark.sql(sql).collect()
            rows = [[None if each is None else str(each) for each in row] for row in found]
            status, answer = 200, json.dumps(rows)
        except Exception as error:
            status, answer = 400, str(error)
        body = answer.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", settings["port"]), Session)
print("Spark session is ready", flush=True)
server.serve_forever()
