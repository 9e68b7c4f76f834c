"""Prints the text of a chat stream on standard input."""
import json
import sys

for line in sys.stdin:
    if line.startswith("data: {"):
        for choice in json.loads(line[6:])["choices"]:
            print(choice["delta"].get("content") or "", end="")
print()
