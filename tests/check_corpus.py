"""Notebooks with defects at known places, and sound ones, as cells between lines of "---".

``#! NB101`` at the end of a line, which is taken away, says what is to be found in this line, and nothing else is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_MARK = re.compile(r"[ \t]*#! (NB\d+(?: NB\d+)*)$", re.MULTILINE)
_TITLE = "# %% [markdown]\n# # A title\n\n"

UNDEFINED = """
print(x)  #! NB101
===
print(x)  #! NB101
---
x = 1
===
total = sum(orders)  #! NB101
---
orders = [1]
---
print(total)
===
def f():
    return missing  #! NB101
f()
===
class Model(Base):  #! NB101
    pass
===
class Spec:
    def __init__(self, shape):
        self.shape = shape
    def copied(self):
        return Spec(shape)  #! NB101
===
x += 1  #! NB101
===
import pandas as pd
df = pd.DataFrame()
del df
---
df.head()  #! NB101
===
values = [1]
del values
---
def show():
    return values  #! NB101
===
print([y for z in range(3)])  #! NB101
===
%load_ext autoreload
%autoreload 2
---
model.fit()  #! NB101
===
%matplotlib inline
---
plt.plot([1])  #! NB101
===
try:
    value = load()  #! NB101
except OSError:
    value = None
===
if True:
    print(np.pi)  #! NB101
===
from scipy.io import wavfile
---
wavfile.read("a.wav")
scipy.signal.resample([1], 2)  #! NB101
===
%timeit compute(3)  #! NB101
===
for row in rows:  #! NB101
    print(row)
===
with open(path) as file:  #! NB101
    text = file.read()
===
assert result == 3  #! NB101
===
@decorate  #! NB101
def f():
    return 1
===
def f(a=default):  #! NB101
    return a
===
lambda: 1
print(f"{name!r:>10}")  #! NB101
===
x: Frame = 1  #! NB101
===
model.eval()  #! NB101
===
out = eval("1 + 1")
---
print(outt)  #! NB101
===
%%time
fit(model)  #! NB101 NB101
===
%%capture log
run_all()  #! NB101
---
log.show()
===
import os
if os.path.exists("a"):
    a = 1
print(b)  #! NB101
===
async def f():
    await g()  #! NB101
await f()
===
match command:  #! NB101
    case "go":
        pass
===
try:
    pass
except HTTPError:  #! NB101
    pass
===
while not_done:  #! NB101
    break
===
x = y = z  #! NB101
===
data["a"] = 1  #! NB101
===
obj.attribute = 2  #! NB101
===
print(*arguments, **options)  #! NB101 NB101
===
squares = {k: v * factor for k, v in {}.items()}  #! NB101
===
from __future__ import annotations
raise Problem  #! NB101
===
global_count = 0
def f():
    global global_count
    global_count = other  #! NB101
===
import numpy as np
---
np.zeros(3); npp.ones(3)  #! NB101
===
first = 1
---
first_ = frist  #! NB101
"""

SYNTAX = """
x =  #! NB106
===
def f(:  #! NB106
    pass
===
print "hello"  #! NB106
===
for x in range(3)  #! NB106
    print(x)
===
x = 1
---
if x = 2:  #! NB106
    pass
===
text = 'never ended  #! NB106
===
SELECT * FROM orders  #! NB106
===
df = # to do  #! NB106
===
collections.  #! NB106
===
a = 1
  b = 2  #! NB106
"""

REPEATED = """
x = 1
---
x += 1  #! NB111
===
n = 10
---
n = n * 2  #! NB111
===
import pandas as pd
df = pd.read_csv("a.csv")
---
df = df.drop(columns="a")  #! NB111
===
import pandas as pd
df = pd.read_csv("a.csv")
---
df = df.set_index("a")  #! NB111
===
import pandas as pd
df = pd.read_csv("a.csv")
---
df = df.reset_index()  #! NB111
===
import pandas as pd
df = pd.read_csv("a.csv")
---
df["a"] = df["a"] / 100  #! NB111
===
import pandas as pd
df = pd.read_csv("a.csv")
---
df["a"] /= 100  #! NB111
===
import pandas as pd
df = pd.read_csv("a.csv")
---
df.drop(columns="a", inplace=True)  #! NB111
===
import pandas as pd
df = pd.read_csv("a.csv")
---
df.set_index("a", inplace=True)  #! NB111
===
import pandas as pd
df = pd.read_csv("a.csv")
other = df
---
df = df.merge(other, on="a")  #! NB111
===
results = []
---
results.append(1)  #! NB111
---
print(results)
===
results = []
---
for n in range(3):  #! NB111
    results.append(n)
---
print(results)
===
names = ["a"]
---
names.extend(["b"])  #! NB111
---
print(names)
===
queue = [1, 2]
---
queue.pop(0)  #! NB111
---
print(queue)
===
images = [1.0]
---
images = images / 255.0  #! NB111
===
total = 0
---
total -= 5  #! NB111
===
class Box:
    size = 1
box = Box()
---
box.size *= 2  #! NB111
===
counts = {"a": 1}
---
counts["a"] += 1  #! NB111
===
x = 1
---
x = 1 + x  #! NB111
===
s = "a"
---
s += "b"  #! NB111
---
s += "c"  #! NB111
"""

MEANINGS = """
import datetime
print(datetime.date(2026, 1, 1))
---
from datetime import datetime  #! NB112
===
from time import time
print(time)
---
import time  #! NB112
===
import json
print(json)
---
json = "{}"  #! NB112
===
def scale(x):
    return x
---
scale = 3  #! NB112
===
class Model:
    pass
---
Model = None  #! NB112
===
list = [1, 2]
print(list)
---
print(list((1, 2)))  #! NB112
===
sum = 0
---
print(sum([1, 2]))  #! NB112
===
max = 3
---
for n in range(max(1, 2)):  #! NB112
    print(n)
===
import glob
print(glob.glob("*"))
---
from glob import glob  #! NB112
===
threshold = 3
---
def threshold(x):  #! NB112
    return x
===
id = 7
---
print(id(3))  #! NB112
===
import copy
print(copy.copy(1))
---
copy = [1]  #! NB112
"""

SURROUNDINGS = """
open("/home/anna/orders.csv")  #! NB121
===
path = "C:\\\\data\\\\orders.csv"  #! NB121
===
DATA = "/Users/anna/Documents/data"  #! NB121
===
root = "/content/drive/MyDrive/project"  #! NB121
===
x = "/mnt/c/data"  #! NB121
===
key = "/root/.ssh/config"  #! NB121
===
!pip install pandas  #! NB122
===
%pip install -q pandas  #! NB122
===
!python -m pip install pandas  #! NB122
===
!conda install -y numpy  #! NB122
===
%conda install numpy  #! NB122
===
!uv pip install polars  #! NB122
===
!mamba install polars  #! NB122
===
%cd data  #! NB123
===
import os
os.chdir("data")  #! NB123
===
%pushd data  #! NB123
===
import random
print(random.random())  #! NB124
===
import random
names = ["a", "b"]
random.shuffle(names)  #! NB124
===
import numpy as np
np.random.rand(3)  #! NB124
===
import numpy as np
rng = np.random.default_rng()  #! NB124
===
import numpy as np
np.random.choice([1, 2])  #! NB124
===
import torch
x = torch.randn(3)  #! NB124
===
from sklearn.model_selection import train_test_split
a, b = train_test_split([1, 2], test_size=0.5)  #! NB124
===
from sklearn.ensemble import RandomForestClassifier
model = RandomForestClassifier(n_estimators=10)  #! NB124
===
from sklearn.cluster import KMeans
KMeans(3)  #! NB124
===
import random
random.seed(1)
---
import numpy as np
np.random.normal()  #! NB124
===
import pandas as pd
pd.read_csv("https://example.com/a.csv")  #! NB125
===
import requests
requests.get("https://example.com").json()  #! NB125
===
from urllib.request import urlopen
urlopen("https://example.com")  #! NB125
===
import urllib.request
urllib.request.urlretrieve("https://example.com", "a")  #! NB125
===
!wget https://example.com/a.csv  #! NB125
===
!curl -O https://example.com/a.csv  #! NB125
===
!git clone https://example.com/a.git  #! NB125
===
url = "https://example.com/a.csv"
---
import pandas as pd
df = pd.read_csv(url, sep=";")  #! NB125
===
import pandas as pd
pd.read_parquet(f"s3://bucket/{1}.parquet")  #! NB125
===
import polars as pl
pl.scan_parquet("s3://bucket/a.parquet")  #! NB125
===
import httpx
httpx.get("https://example.com")  #! NB125
===
from datetime import datetime
title = f"Report of {datetime.now():%Y}"  #! NB126
===
from datetime import date
today = date.today()  #! NB126
===
import datetime
name = datetime.datetime.now().strftime("%Y")  #! NB126
===
import pandas as pd
now = pd.Timestamp.now()  #! NB126
---
print(now)
===
import time
stamp = time.strftime("%Y-%m-%d")  #! NB126
===
import time
time.ctime()  #! NB126
===
import os
key = os.environ["WEATHER_KEY"]  #! NB127
===
import os
key = os.getenv("WEATHER_KEY")  #! NB127
===
from os import environ
print(environ["REGION_OF_SALES"])  #! NB127
===
import os
key = os.environ.get("WEATHER_KEY")  #! NB127
"""

HYGIENE = """
breakpoint()  #! NB132
===
%debug  #! NB132
===
%pdb on  #! NB132
===
import pdb; pdb.set_trace()  #! NB132
===
from IPython.core.debugger import set_trace
set_trace()  #! NB132
===
from IPython import embed
embed()  #! NB132
===
def f(x):
    import ipdb
    ipdb.set_trace()  #! NB132
    return x
===
key = "AKIAIOSFODNN7EXAMPLE"  #! NB141
===
url = "postgresql://anna:hunter2@db/x"  #! NB141
===
url = "mysql+pymysql://root:Tiger99@localhost:3306/shop"  #! NB141
===
mongo = "mongodb+srv://app:S3cr3tPw@cluster0.mongodb.net/db"  #! NB141
===
pem = "-----BEGIN RSA PRIVATE KEY-----"  #! NB141
===
pem = "-----BEGIN PRIVATE KEY-----"  #! NB141
===
card = "4111 1111 1111 1111"  #! NB143
===
card = "5500-0000-0000-0004"  #! NB143
===
iban = "DE89 3704 0044 0532 0130 00"  #! NB143
===
iban = "GB82WEST12345698765432"  #! NB143
===
ssn = "219-09-9999"  #! NB143
===
to = ["anna@firma.de", "ben@firma.de", "carl@firma.de"]  #! NB143
"""

#: Tokens, made here so that no scanner of repositories takes this file for a leak.
TOKENS = [
    "ghp_" + "a1" * 18,
    "github_pat_" + "a1B2" * 16,
    "glpat-" + "a1B2c3" * 4,
    "xoxb-" + "1234567890-" * 2 + "abc",
    "sk_live_" + "a1" * 12,
    "AIza" + "a1B2c" * 7,
    "hf_" + "aB" * 17,
    "sk-proj-" + "a1B2" * 11,
    "pypi-" + "a1B2" * 15,
]

#: The oldest Python that allows these, but not the one before it.
NEWER = [
    ((3, 10), "match 1:\n    case 1:\n        pass"),
    ((3, 8), "if (n := 3) > 2:\n    print(n)"),
    ((3, 11), "try:\n    pass\nexcept* ValueError:\n    pass"),
    ((3, 9), "marks = [print]\n@marks[0]\ndef f():\n    pass"),
    ((3, 11), "b = (1, 2)\nprint({}[*b])"),
    ((3, 11), "Ts = (int,)\ndef f(*args: *Ts):\n    pass"),
    ((3, 9), "b = (1, 2)\nfor x in *b, 3:\n    print(x)"),
    ((3, 8), "def f(b):\n    return *b, 3"),
]


def defects() -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Yield notebooks in the percent format, each with the codes and the rows of what is to be found."""
    for text in (UNDEFINED, SYNTAX, REPEATED, MEANINGS, SURROUNDINGS, HYGIENE):
        for cells in text.strip("\n").split("\n===\n"):
            yield marked(cells)
    for token in TOKENS:
        yield marked(f'token = "{token}"  #! NB141')
    for name in ("old", "limit"):
        yield marked(f"{name} = 3  #! NB142\nn = 1\n---\nprint(n)", 'tags=["parameters"]')


def marked(cells: str, first: str = "") -> tuple[str, list[tuple[str, int]]]:
    """Return a notebook without its marks, and what they say."""
    head = f"# %% {first}".rstrip()
    text = _TITLE + head + "\n" + cells.replace("\n---\n", "\n\n# %%\n") + "\n"
    expected = [
        (code, row)
        for row, line in enumerate(text.splitlines(), start=1)
        for found in _MARK.finditer(line)
        for code in found[1].split()
    ]
    return _MARK.sub("", text), expected
