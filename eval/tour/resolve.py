"""resolve.py FOLDER ANSWER: takes each citation's bytes out of the file that it names, and compares them with its quote."""
import hashlib
import json
import pathlib
import sys

with open(sys.argv[2], encoding="utf-8") as file:
    notes = json.load(file)["choices"][0]["message"]["annotations"]
if not notes:
    sys.exit("the answer cites nothing")
for cited in (note["file_citation"] for note in notes):
    text = pathlib.Path(sys.argv[1], cited["file_id"]).read_bytes()
    if hashlib.sha256(text).hexdigest() != cited["document_version"]:
        sys.exit(f"{cited['file_id']} is not the version that was cited")
    found = text[cited["start"]:cited["end"]].decode()
    if found != cited["quote"]:
        sys.exit(f"{cited['file_id']} does not say so")
    print(f"[{cited['index']}] {cited['file_id']}, bytes {cited['start']} to {cited['end']}, are: {found!r}")
