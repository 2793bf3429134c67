"""Serves a folder by FTP to one user, prints the port, and ends when standard input is closed.

Usage: ftp_server.py FOLDER USER PASSWORD
"""

import sys
import threading
import warnings

warnings.simplefilter("ignore", DeprecationWarning)  # it uses a module that Python has deprecated

from pyftpdlib.authorizers import DummyAuthorizer  # noqa: E402
from pyftpdlib.handlers import FTPHandler  # noqa: E402
from pyftpdlib.servers import ThreadedFTPServer  # noqa: E402

if __name__ == "__main__":
    folder, user, password = sys.argv[1:]
    FTPHandler.authorizer = DummyAuthorizer()
    FTPHandler.authorizer.add_user(user, password, folder, perm="elradfmwMT")
    server = ThreadedFTPServer(("127.0.0.1", 0), FTPHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
