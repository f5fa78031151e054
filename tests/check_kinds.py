"""Many members of each kind of defect, and what looks like one and is none, in the form of ``check_corpus``."""

from __future__ import annotations

from collections.abc import Iterator

from check_corpus import marked

HIDDEN_STATE = """
def setup():
    global config
    config = {"a": 1}
---
print(config)  #! NB101
---
setup()
===
def setup():
    global config
    config = {"a": 1}
---
setup()
---
print(config)
===
class Job:
    def start(self):
        global running
        running = True
---
Job().start()
---
print(running)
===
squares = [n * n for n in range(3)]
---
print(n)  #! NB101
===
{key: value for key, value in {}.items()}
---
print(key)  #! NB101
===
rows = [1]
del rows
---
print(rows)  #! NB101
===
a, b = 1, 2
del (a, b)
---
print(a)  #! NB101
===
x = 1
---
%reset -f
---
print(x)  #! NB101
===
x = 1
---
%xdel x
---
print(x)  #! NB101
===
exec("total = 1")
---
print(total)
print(totl)  #! NB101
===
exec("import os; folder = os.sep", {})
---
print(folder)  #! NB101
===
globals()["rate"] = 2
---
print(rate)
print(rates)  #! NB101
===
from math import *
---
print(sqrt(2))
print(sqroot(2))  #! NB101
===
from os.path import *
---
join("a", "b")
splitt("a/b")  #! NB101
===
print((m := 3))
---
print(m, mm)  #! NB101
===
found = any((last := word) for word in ["a"])
---
print(last)
---
print(word)  #! NB101
===
match {"kind": "a"}:
    case {"kind": kind, **rest}:
        print(kind, rest)
---
print(kind, rests)  #! NB101
===
def report():
    return summarise()
---
report()  #! NB101
---
def summarise():
    return 1
===
def inner():
    return LIMIT
def outer():
    return inner()
---
print(outer())  #! NB101
---
LIMIT = 3
===
def outer():
    def inner():
        return missing_here  #! NB101
    return inner
---
outer()()
===
@memoize  #! NB101
def f(n):
    return n
===
import functools
@functools.wraps(original)  #! NB101
def g():
    return 1
===
try:
    import json
except ImportError as problem:
    print(problem)
---
print(problem)  #! NB101
===
if False:
    switched_off = 1
---
print(switched_off)  #! NB101
===
while 0:
    never = 1
---
print(never)  #! NB101
===
async def read():
    async with source() as lines:  #! NB101
        async for line in lines:
            print(line)
await read()
===
stack = []
stack.push = stack.append
stack.push(1)
---
print(stak)  #! NB101
===
import xarray as xr
ds = xr.Dataset()
ds.var("time")
---
print(dss)  #! NB101
===
from sympy import var
var("x y")
---
print(x + y + z)  #! NB101
===
with open("a.txt") as handle:
    first, *others = handle
---
print(first, others, handel)  #! NB101
===
class Holder:
    inner = 3
---
print(inner)  #! NB101
===
f = lambda n: n + offset  #! NB101
f(1)
===
print([[col for col in line] for line in table_rows])  #! NB101
"""

REPEATED = """
import pandas as pd
df = pd.DataFrame({"x": [1, 2], "y": [1, 2]})
---
df["x"] = df["x"] * 2  #! NB111
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
df["x"] = df.x * 2  #! NB111
===
import pandas as pd
df = pd.DataFrame({"sex": ["m"]})
---
df["sex"] = df["sex"].map({"m": 0, "f": 1})  #! NB111
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
df["x"] = df["x"].apply(lambda v: v / 100)  #! NB111
===
import numpy as np
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
df["x"] = np.log(df["x"])  #! NB111
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
df = df.groupby("x").sum()  #! NB111
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
df = df.dropna().reset_index()  #! NB111
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
df = pd.concat([df, df])  #! NB111
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
df = pd.get_dummies(df, columns=["x"])  #! NB111
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
df.loc[len(df)] = [3]  #! NB111
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
del df["x"]  #! NB111
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
y = df.pop("x")  #! NB111
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
df.columns = [name + "_old" for name in df.columns]  #! NB111
===
lines = ["a", "b"]
---
lines = lines[1:]  #! NB111
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
df = df.iloc[:-1]  #! NB111
===
import numpy as np
x = np.zeros((2, 3))
---
x = x.T  #! NB111
===
flag = True
---
flag = not flag  #! NB111
===
a, b = 0, 1
---
a, b = b, a + b  #! NB111
===
import numpy as np
x = np.arange(3)
np.random.seed(0)
---
np.random.shuffle(x)  #! NB111
---
print(x)
===
import random
names = ["a", "b"]
random.seed(0)
---
random.shuffle(names)  #! NB111
---
print(names)
===
names = ["b", "a"]
---
names.sort()  #! NB111
---
print(names[0])
===
names = ["b", "a"]
---
names.reverse()  #! NB111
---
print(names[0])
===
from collections import Counter
counts = Counter()
---
counts.update("abc")  #! NB111
---
print(counts)
===
import hashlib
state = hashlib.sha256()
---
state.update(b"abc")  #! NB111
---
print(state.hexdigest())
===
import heapq
heap = [1]
---
heapq.heappush(heap, 0)  #! NB111
---
print(heap)
===
from collections import deque
queue = deque([1])
---
first = queue.popleft()  #! NB111
---
print(queue)
===
settings = {"a": 1}
---
old = settings.pop("a")  #! NB111
===
import csv
rows = csv.reader(["a,b", "1,2"])
---
header = next(rows)  #! NB111
===
out = open("out.txt", "w")
---
out.write("a line")  #! NB111
===
import os
os.remove("raw.csv")  #! NB111
===
import shutil
shutil.move("a.csv", "b.csv")  #! NB111
===
import os
os.makedirs("figures")  #! NB111
===
from pathlib import Path
Path("raw.csv").unlink()  #! NB111
===
from pathlib import Path
folder = Path("figures")
folder.mkdir(parents=True)  #! NB111
===
with open("log.txt", "a") as log:  #! NB111
    log.write("done")
===
from pathlib import Path
Path("log.txt").open("a").write("x")  #! NB111
===
import pandas as pd
pd.DataFrame().to_csv("all.csv", mode="a")  #! NB111
===
import pandas as pd
import sqlite3
db = sqlite3.connect("a.db")
---
pd.DataFrame().to_sql("orders", db, if_exists="append")  #! NB111
===
import sqlite3
db = sqlite3.connect("a.db")
---
db.execute("INSERT INTO orders VALUES (1)")  #! NB111
===
!echo done >> log.txt  #! NB111
===
%%writefile -a notes.txt  #! NB111
one more line
===
total = 0
---
for n in range(3):  #! NB111
    total += n
===
grid = [[0, 0]]
---
grid[0][1] += 1  #! NB111
===
text = "a"
---
text = text + "b"  #! NB111
===
count = 0
---
if count < 3:  #! NB111
    count += 1
"""

UNSEEDED = """
from sklearn.model_selection import train_test_split as split
a, b = split([1, 2])  #! NB124
===
from sklearn import ensemble
ensemble.ExtraTreesClassifier()  #! NB124
===
from sklearn.model_selection import KFold
KFold(5, shuffle=True)  #! NB124
===
from sklearn.manifold import TSNE
TSNE(2)  #! NB124
===
from sklearn.datasets import make_blobs
X, y = make_blobs(100)  #! NB124
===
from imblearn.over_sampling import SMOTE
SMOTE()  #! NB124
===
import torch
torch.randperm(10)  #! NB124
===
from torch.utils.data import DataLoader
loader = DataLoader([1, 2], shuffle=True)  #! NB124
===
import torch.nn as nn
model = nn.Linear(2, 1)  #! NB124
loss = model(1)
loss.backward()
===
import tensorflow as tf
tf.random.normal((2, 2))  #! NB124
===
import time
import jax
key = jax.random.PRNGKey(int(time.time()))  #! NB124 NB126
===
import polars as pl
pl.DataFrame({"a": [1]}).sample(n=1)  #! NB124
===
import pandas as pd
df = pd.DataFrame({"a": [1]})
df.sample(frac=0.5)  #! NB124
===
import pandas as pd
df = pd.DataFrame({"a": [1]})
df.sample(5)  #! NB124
===
from scipy import stats
stats.norm.rvs(size=3)  #! NB124
===
import scipy.stats as st
noise = st.norm(0, 1)
noise.rvs(10)  #! NB124
===
import uuid
run = uuid.uuid4()  #! NB124
===
from uuid import uuid4
run = str(uuid4())  #! NB124
===
name = "anna"
bucket = hash(name) % 10  #! NB124
===
hash("a")  #! NB124
===
import secrets
key = secrets.token_hex(8)  #! NB124
===
import os
salt = os.urandom(8)  #! NB124
===
from numpy.random import randint
randint(3)  #! NB124
===
import numpy
numpy.random.standard_normal(3)  #! NB124
===
from random import gauss
gauss(0, 1)  #! NB124
===
import numpy as np
rng = np.random.RandomState()  #! NB124
===
import numpy as np
rng = np.random.default_rng(None)  #! NB124
===
import random
random.seed()
random.random()  #! NB124
===
import random
import time
random.seed(time.time())
random.random()  #! NB124
===
import numpy as np
np.random.rand(3)  #! NB124
---
np.random.seed(0)
===
import networkx as nx
nx.erdos_renyi_graph(10, 0.1)  #! NB124
===
import random
import torch
random.random()  #! NB124
torch.rand(3)  #! NB124
===
import cupy as cp
cp.random.rand(3)  #! NB124
===
import dask.array as da
da.random.normal(size=3)  #! NB124
===
from faker import Faker
fake = Faker()  #! NB124
===
import optuna
study = optuna.create_study()  #! NB124
===
import umap
umap.UMAP(n_neighbors=5)  #! NB124
"""

PATHS = """
path = "D:/data/orders.csv"  #! NB121
===
path = r"\\\\fileserver\\share\\orders.csv"  #! NB121
===
path = "~/data/orders.csv"  #! NB121
===
import os
path = os.path.expanduser("~/projects/sales/orders.csv")  #! NB121
===
path = "/kaggle/input/titanic/train.csv"  #! NB121
===
path = "/dbfs/mnt/raw/orders.parquet"  #! NB121
===
path = "dbfs:/FileStore/orders.csv"  #! NB121
===
path = "/content/sample_data/a.csv"  #! NB121
===
path = "/Volumes/Backup/orders"  #! NB121
===
path = "/media/anna/usb/orders"  #! NB121
===
path = "file:///home/anna/a.csv"  #! NB121
===
url = "sqlite:////home/anna/a.db"  #! NB121
===
path = "/data/warehouse/orders.parquet"  #! NB121
===
open("/var2/sales/report")  #! NB121
===
import sys
sys.path.append("/home/anna/lib")  #! NB121
===
!cp /home/anna/a.csv .  #! NB121
===
%ls /Users/anna/data  #! NB121
===
name = "a"
path = f"/home/anna/{name}.csv"  #! NB121
===
import os
root = os.path.join("/mnt/nas/", "a.csv")  #! NB121
===
from pathlib import Path
Path("/scratch/anna/run1")  #! NB121
"""

NETWORK = """
import requests
session = requests.Session()  #! NB125
===
import requests as r
r.post("https://api.shop.de/orders", json={})  #! NB125
===
import httpx
client = httpx.Client()  #! NB125
===
import aiohttp
async with aiohttp.ClientSession() as session:  #! NB125
    pass
===
import urllib3
pool = urllib3.PoolManager()  #! NB125
===
from urllib import request
request.urlopen("https://shop.de")  #! NB125
===
import pandas as pd
BASE = "https://shop.de/data/"
---
pd.read_csv(BASE + "a.csv")  #! NB125
===
import pandas as pd
BASE = "https://shop.de/data/"
pd.read_csv(f"{BASE}a.csv")  #! NB125
===
import pandas as pd
URLS = {"a": "https://shop.de/a.csv"}
pd.read_csv(URLS["a"])  #! NB125
===
import pandas as pd
for url in ["https://shop.de/a.csv"]:
    pd.read_csv(url)  #! NB125
===
import pandas as pd
pd.read_csv(filepath_or_buffer="https://shop.de/a.csv")  #! NB125
===
import boto3
s3 = boto3.client("s3")  #! NB125
===
from google.cloud import storage
client = storage.Client()  #! NB125
===
!cd data && wget https://shop.de/a.csv  #! NB125
===
!sudo curl -sSL https://shop.de/a.csv -o a.csv  #! NB125
===
%%bash  #! NB125
set -e
curl -O https://shop.de/a.csv
===
import os
os.system("wget https://shop.de/a.csv")  #! NB125
===
import subprocess
subprocess.run(["git", "clone", "https://shop.de/a.git"])  #! NB125
===
!kaggle datasets download anna/orders  #! NB125
===
import gdown
gdown.download(id="abc")  #! NB125
===
from huggingface_hub import snapshot_download
snapshot_download("org/model")  #! NB125
===
from datasets import load_dataset
load_dataset("imdb")  #! NB125
===
from transformers import AutoTokenizer
name = "bert-base-uncased"
AutoTokenizer.from_pretrained(name)  #! NB125
===
from sklearn.datasets import fetch_openml
fetch_openml("mnist_784")  #! NB125
===
import tensorflow as tf
tf.keras.datasets.mnist.load_data()  #! NB125
===
import torchvision
torchvision.datasets.MNIST("data", download=True)  #! NB125
===
import nltk
nltk.download("punkt")  #! NB125
===
import geopandas as gpd
gpd.read_file("https://shop.de/a.geojson")  #! NB125
===
import fsspec
fsspec.open("gs://bucket/a.csv")  #! NB125
===
import duckdb
duckdb.read_parquet("s3://bucket/a.parquet")  #! NB125
===
import yfinance as yf
yf.download("AAPL")  #! NB125
"""

PEOPLE = """
client = {"name": "Anna Schmidt", "email": "anna.schmidt@firma.de"}  #! NB143
===
phones = ["+49 30 90182431", "+49 89 21803671", "+49 40 42838246"]  #! NB143
===
phone = "(415) 682-3947"  #! NB143
===
credit_card = "4556737586899855"  #! NB143
===
amex = "3782-822463-10005"  # card number  #! NB143
===
iban = "FR14 2004 1010 0505 0001 3M02 606"  #! NB143
===
social_security = "536-90-4399"  #! NB143
"""

QUIET = """
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
df = df.rename(columns={"x": "y"})
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
df = df[df["x"] > 1]
df = df[["x"]]
df = df[:100]
df["x"] = df["x"].fillna(0).astype(int)
df["y"] = df["x"] * 2
===
import pandas as pd
df = pd.DataFrame({"x": [1, 2]})
---
by_x = df.groupby("x").sum()
df["rank"] = df["x"].rank()
===
mask = True
---
mask &= False
===
options = {"a": 1}
---
options.update(b=2)
old = options.pop("c", None)
---
print(options)
===
import os
for name in sorted(os.listdir("tmp")):
    os.remove(name)
os.makedirs("figures", exist_ok=True)
if os.path.exists("a.csv"):
    os.remove("a.csv")
===
import os
with open("a.txt", "w") as out:
    out.write("x")
os.remove("a.txt")
===
import tempfile
import shutil
folder = tempfile.mkdtemp()
shutil.rmtree(folder)
===
import contextlib
import os
with contextlib.suppress(FileNotFoundError):
    os.remove("a.txt")
===
def log(text):
    with open("log.txt", "a") as out:
        out.write(text)
===
def first():
    return second()
---
def second():
    return 1
---
first()
===
def first():
    return second()
try:
    first()
except NameError:
    pass
def second():
    return 1
===
import numpy as np
def noise():
    return np.random.normal()
---
np.random.seed(3)
noise()
===
import jax
key = jax.random.PRNGKey(0)
jax.random.normal(key)
===
import numpy as np
from scipy import stats
rng = np.random.default_rng(1)
stats.norm.rvs(size=3, random_state=rng)
===
class Point:
    def __hash__(self):
        return hash((self.x, self.y))
hash(3)
===
def set_all_seeds(n):
    import random
    random.seed(n)
set_all_seeds(7)
---
import random
random.random()
===
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold
LinearRegression()
KFold(5)
===
from transformers import AutoModel
AutoModel.from_pretrained("./models/mine")
===
from datasets import load_dataset
load_dataset("csv", data_files="a.csv")
===
import webbrowser
webbrowser.open("https://shop.de")
===
from IPython.display import Image
Image(url="https://shop.de/a.png")
===
link = "https://shop.de/a.csv"
print(link)
===
import requests
requests.get("http://localhost:8000/health")
===
route = "/api/v1/orders"
print(route, "/usr/share/dict/words", "/tmp/a.csv", "/etc/hosts", "/")
===
share = "50/50"
ratio = "a:b"
latex = r"\\alpha \\beta"
===
api_key = "YOUR_API_KEY_HERE"
password = "changeme"
token = "<token>"
secret_key = "secret-key-name"
url = "postgresql://user:password@localhost/db"
===
contact = "info@example.com"
author = "anna@firma.de"
version = "+1.25 -0.75"
phone = "555-0123"
number = "1234-5678-9012-3456"
===
import os
api_key = os.environ.get("API_KEY", "")
headers = {"Authorization": f"Bearer {api_key}"}
===
tokens = {"pad_token": "[PAD]", "token": "hello", "key": "value"}
print(tokens)
===
if False:
    !wget https://shop.de/a.csv
===
import time
start = time.time()
print(f"{time.time() - start:.1f}s")
===
names = ["b", "a"]
---
names.sort()
===
x = [3, 1]
x.sort()
---
print(x)
"""

_HEX, _MIXED = "0a1b2c3d4e5f6789", "aB3dE5fG7hJ9kL2mN4pQ6rS8"
#: Made here, so that no scanner of repositories takes this file for a leak.
TOKENS = [
    "ASIA" + "ABCDEFGH234567AB",
    "gho_" + _MIXED * 2,
    "glrt-" + _MIXED,
    "xapp-" + "1-A01-123-" + _HEX * 2,
    "https://hooks." + "slack.com/services/T0123ABCD/B0123ABCD/" + _MIXED,
    "https://discord" + ".com/api/webhooks/1234567890123456/" + _MIXED * 3,
    "rk_live_" + _MIXED,
    "GOCSPX-" + _MIXED + "abcd",
    "ya29." + _MIXED * 2,
    "sk-ant-" + "api03-" + _MIXED * 2,
    "r8_" + (_MIXED * 2)[:37],
    "gsk_" + _MIXED * 2,
    "npm_" + (_MIXED * 2)[:36],
    "dckr_pat_" + _MIXED + "abcd",
    "SG." + _MIXED[:22] + "." + (_MIXED * 2)[:43],
    "key-" + _HEX * 2,
    _HEX * 2 + "-us12",
    "SK" + _HEX * 2,
    "123456789:AA" + (_MIXED * 2)[:33],
    "dapi" + _HEX * 2,
    "dop_v1_" + _HEX * 4,
    "shpat_" + _HEX * 2,
    "sq0atp-" + _MIXED,
    "glsa_" + (_MIXED * 2)[:32] + "_0a1b2c3d",
    "NRAK-" + "ABCDEFGHI0123456789ABCDEFGH",
    "PMAK-" + (_HEX * 2)[:24] + "-" + (_HEX * 3)[:34],
    "lin_api_" + (_MIXED * 2)[:40],
    "ntn_" + (_MIXED * 2)[:46],
    "pul-" + (_HEX * 3)[:40],
    "hvs." + _MIXED,
    _MIXED[:14] + ".atlasv1." + _MIXED * 3,
    "dt0c01." + "ABCD2345" * 3 + "." + "ABCD2345" * 8,
    "ATATT3" + _MIXED * 3,
    "AGE-SECRET-KEY-1" + ("ABCD2345" * 8)[:58],
    "eyJ" + _MIXED + ".eyJ" + _MIXED + "." + _MIXED,
    "AccountKey=" + _MIXED * 2,
    "https://a.s3.amazonaws.com/b?X-Amz-Signature=" + _HEX * 4,
    "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "redis://:" + "s3cr3tX@cache:6379",
    "Server=db;Database=x;User Id=sa;Password=" + "Tr0ub4dor;",
]
#: Lines whose names say what the values are.
NAMED = [
    'api_key = "' + _MIXED + '"',
    'db_password = "' + "Tr0ub4dor&3" + '"',
    'settings = {"client_secret": "' + _MIXED + '"}',
    'headers = {"Authorization": "Bearer ' + _MIXED + '"}',
]


def kinds() -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Yield the notebooks as ``check_corpus.defects`` does; in those of ``QUIET`` nothing is to be found."""
    for text in (HIDDEN_STATE, REPEATED, UNSEEDED, PATHS, NETWORK, PEOPLE, QUIET):
        for cells in text.strip("\n").split("\n===\n"):
            yield marked(cells)
    for line in (*(f'text = "{token}"' for token in TOKENS), *NAMED):
        yield marked(f"{line}  #! NB141")
