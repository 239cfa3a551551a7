# The TCP client: sends one sentence and prints the answer.
# python3 tcp_client.py [host [port]]
import sys
from socket import create_connection

serverName = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
serverPort = int(sys.argv[2]) if len(sys.argv) > 2 else 12000

with create_connection((serverName, serverPort), timeout=10) as clientSocket:
    sentence = input("Input a sentence in lower case: ")
    # The line end tells the server where the sentence ends.
    clientSocket.sendall((sentence + "\n").encode())
    with clientSocket.makefile("rb") as stream:
        answer = stream.readline()
    print("From", clientSocket.getpeername(), "to my port", clientSocket.getsockname()[1])
    print(answer.decode().rstrip("\n"))
