# The TCP server: answers each line in upper case, one client after the other.
# python3 tcp_server.py [port]
import sys
from socket import socket, AF_INET, SOCK_STREAM, SOL_SOCKET, SO_REUSEADDR

serverPort = int(sys.argv[1]) if len(sys.argv) > 1 else 12000
serverSocket = socket(AF_INET, SOCK_STREAM)
serverSocket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
serverSocket.bind(("127.0.0.1", serverPort))  # "" instead lets other machines in
serverSocket.listen(5)
print("The server is ready on port", serverSocket.getsockname()[1], flush=True)

while True:
    connectionSocket, clientAddress = serverSocket.accept()
    print(clientAddress, "connected", flush=True)
    # A file over the socket gives whole lines, however the bytes arrive.
    with connectionSocket, connectionSocket.makefile("rwb") as stream:
        for line in stream:
            stream.write(line.decode().upper().encode())
            stream.flush()
