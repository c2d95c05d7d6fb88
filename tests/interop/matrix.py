# SPDX-License-Identifier: Apache-2.0
"""What the matrix's readers in Python share: answers to a plan as files."""

import json
import os


def tables(plan):
    with open(plan, encoding="utf-8") as file:
        return json.load(file)["tables"]


def attempt(read):
    """What it gives, or a text that says what went wrong."""
    try:
        return list(read())
    except Exception as error:  # whatever it is, it is the finding
        return f"{type(error).__name__}: {error}"


def write(out, table, rows, filters):
    path = os.path.join(out, table["name"] + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"rows": rows, "filters": filters}, file, ensure_ascii=False)
