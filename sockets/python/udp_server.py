# The UDP server: answers each datagram in upper case.
# python3 udp_server.py [port]
import sys
from socket import socket, AF_INET, SOCK_DGRAM

serverPort = int(sys.argv[1]) if len(sys.argv) > 1 else 12000
serverSocket = socket(AF_INET, SOCK_DGRAM)
serverSocket.bind(("127.0.0.1", serverPort))  # "" instead lets other machines in
print("The server is ready on port", serverSocket.getsockname()[1], flush=True)

while True:
    message, clientAddress = serverSocket.recvfrom(65535)
    answer = message.decode().upper()
    print(clientAddress, "sent", message.decode(), flush=True)
    serverSocket.sendto(answer.encode(), clientAddress)
