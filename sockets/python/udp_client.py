# The UDP client: sends one sentence and prints the answer.
# python3 udp_client.py [host [port]]
import sys
from socket import socket, timeout, AF_INET, SOCK_DGRAM

serverName = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
serverPort = int(sys.argv[2]) if len(sys.argv) > 2 else 12000
clientSocket = socket(AF_INET, SOCK_DGRAM)
clientSocket.settimeout(2)  # without it, a lost datagram means waiting for ever

sentence = input("Input a sentence in lower case: ")
for attempt in range(3):
    clientSocket.sendto(sentence.encode(), (serverName, serverPort))
    try:
        answer, serverAddress = clientSocket.recvfrom(65535)
    except timeout:
        print("No answer within 2 seconds")
        continue
    print("From", serverAddress, "to my port", clientSocket.getsockname()[1])
    print(answer.decode())
    break
else:
    sys.exit("The server does not answer.")
clientSocket.close()
