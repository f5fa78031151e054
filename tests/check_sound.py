"""Sound notebooks in the styles of real ones, as cells between lines of "---": nothing may be found in them."""

from __future__ import annotations

SOUND = """
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
---
%matplotlib inline
plt.rcParams["figure.figsize"] = (8, 4)
---
df = pd.read_csv("data/orders.csv", parse_dates=["day"])
df.head()
---
monthly = df.groupby(df.day.dt.month)["price"].sum()
fig, ax = plt.subplots()
monthly.plot(ax=ax)
ax.set(title="Sales", xlabel="month")
fig.savefig("sales.png")
===
import ipywidgets as widgets
from ipywidgets import interact
from IPython.display import display
---
slider = widgets.IntSlider(value=3, min=1, max=9)
out = widgets.Output()
---
def changed(change):
    with out:
        print(change["new"])
slider.observe(changed, names="value")
display(slider, out)
---
@interact(n=(1, 10), scale=["linear", "log"])
def draw(n=3, scale="linear"):
    return [n] * n, scale
===
import asyncio
---
async def fetch(n):
    await asyncio.sleep(0)
    return n
---
async def fetch_all(values):
    for value in values:
        yield value
---
results = await asyncio.gather(*(fetch(n) for n in range(3)))
async for item in fetch_all(results):
    print(item)
[item async for item in fetch_all(results)]
===
%load_ext rpy2.ipython
---
%%R -o means
means <- colMeans(mtcars)
---
print(means)
===
%%bash --out listing
ls -l
---
print(listing.splitlines())
===
%%ruby --out lines
puts "hello"
---
print(lines)
===
files = !ls *.csv
---
for file in files:
    print(file)
===
from dataclasses import dataclass, field
---
@dataclass
class Order:
    price: float
    items: list[str] = field(default_factory=list)

    @property
    def total(self) -> float:
        return self.price * len(self.items)

    @classmethod
    def empty(cls) -> "Order":
        return cls(0.0)
---
orders = [Order(1.0, ["a"]), Order.empty()]
sum(order.total for order in orders)
===
class Node:
    count = 0
    def __init__(self, left=None, right=None):
        self.left, self.right = left, right
        Node.count += 1
    def depth(self):
        return 1 + max((one.depth() for one in (self.left, self.right) if one), default=0)
---
Node(Node(), None).depth()
===
words = "the quick brown fox".split()
lengths = {word: len(word) for word in words}
by_length = {n: [w for w in words if len(w) == n] for n in set(lengths.values())}
pairs = [(a, b) for a in words for b in words if a < b]
flat = [letter for word in words for letter in word]
===
from sklearn.model_selection import train_test_split
from sklearn.ensemble import RandomForestClassifier
---
X, y = [[1], [2]], [0, 1]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
---
model = RandomForestClassifier(random_state=0)
model.fit(X_train, y_train)
model.score(X_test, y_test)
===
import numpy as np
np.random.seed(0)
---
np.random.rand(3)
---
from sklearn.model_selection import train_test_split
train_test_split([1, 2])
===
import torch
from torch import nn
torch.manual_seed(0)
---
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)
    def forward(self, x):
        return self.layer(x)
---
net = Net()
optimizer = torch.optim.Adam(net.parameters())
for epoch in range(3):
    loss = net(torch.randn(4, 2)).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
---
net.eval()
with torch.no_grad():
    prediction = net(torch.zeros(1, 2))
===
import time
start = time.time()
total = sum(range(1000))
print(f"took {time.time() - start:.1f} s")
===
from datetime import datetime
started = datetime.now()
---
print(datetime.now() - started)
===
from datetime import datetime, timedelta
day = datetime(2026, 1, 31)
week = [day + timedelta(days=n) for n in range(7)]
===
import os
debug = os.environ.get("DEBUG_REPORT", "0") == "1"
home = os.environ["HOME"]
===
import os
os.environ["TOKENIZERS_PARALLELISM"] = "false"
---
print(os.environ["TOKENIZERS_PARALLELISM"])
===
from dotenv import load_dotenv
import os
load_dotenv()
---
key = os.environ["WEATHER_KEY"]
===
import os
if os.getenv("IS_TESTING"):
    print("testing")
region = os.getenv("REGION_OF_SALES") or "north"
===
%env GREETING=hello
---
import os
print(os.environ["GREETING"])
===
try:
    import google.colab
    IN_COLAB = True
except ImportError:
    IN_COLAB = False
---
if IN_COLAB:
    print("in Colab")
===
try:
    unicode
except NameError:
    unicode = str
===
import sys
if sys.version_info < (3, 0):
    text = unicode("a")
else:
    text = "a"
===
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from pandas import DataFrame
def f(df: "DataFrame") -> int:
    return len(df)
===
from sympy import symbols, init_printing
init_printing()
x, y = symbols("x y")
(x + y) ** 2
===
from sympy import var
var("a b")
---
a + b
===
from fastai.vision.all import *
---
path = untar_data(URLs.PETS)
===
%run helpers.py
---
helper(3)
===
%%writefile helper.py
def helper(n):
    return undefined_here
---
from helper import helper
helper(1)
===
%%html
<b>bold</b>
===
%%javascript
console.log(undefined)
===
%%latex
$x = y$
===
%%time
total = sum(range(10))
---
print(total)
===
%%capture captured
print(1)
---
captured.stdout
===
%load_ext autoreload
%autoreload 2
---
import json
json.dumps({})
===
%load_ext sql
%sql sqlite:///a.db
---
%%sql orders <<
SELECT * FROM orders
---
orders
===
import json
json?
json.dumps??
?json.loads
===
x = 3
%timeit x ** 2
t = %timeit -o x ** 2
---
print(t.average)
===
%%timeit values = list(range(10))
sorted(values)
===
fizz = ["fizz" if n % 3 == 0 else n for n in range(10)]
*head, last = fizz
(first, *_), second = fizz, head
===
def fibonacci(n, _known={}):
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)
---
[fibonacci(n) for n in range(10)]
===
def counter():
    count = 0
    def step():
        nonlocal count
        count += 1
        return count
    return step
---
step = counter()
step(), step()
===
from functools import wraps, lru_cache
def traced(function):
    @wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    return inner
---
@traced
@lru_cache(maxsize=None)
def double(n):
    return 2 * n
===
def uses_later():
    return defined_later()
---
def defined_later():
    return 1
---
uses_later()
===
with open("a.txt") as source, open("b.txt", "w") as target:
    for line in source:
        target.write(line.upper())
===
import warnings
warnings.filterwarnings("ignore")
with warnings.catch_warnings(record=True) as caught:
    warnings.warn("a")
len(caught)
===
try:
    1 / 0
except ZeroDivisionError as error:
    print(error)
else:
    print("fine")
finally:
    print("done")
===
for attempt in range(3):
    if attempt > 0:
        print(best)
    best = attempt
===
n = 0
while n < 3:
    n += 1
print(n)
===
total = 0
for n in range(3):
    total += n
total
===
import pandas as pd
df = pd.DataFrame({"a": [1, 2]})
---
df = df.sort_values("a")
df = df.fillna(0)
df = df.rename(columns={"a": "b"})
df = df.reset_index(drop=True)
df = df.drop(columns="zzz", errors="ignore")
===
import pandas as pd
raw = pd.DataFrame({"a": [1, 2]})
---
clean = raw.drop(columns="a")
clean = clean.set_index("b", drop=False)
clean["c"] = clean["b"] * 2
===
results = []
for n in range(3):
    results.append(n)
---
print(results)
===
import sys
sys.path.append("..")
---
print(sys.path)
===
import plotly.express as px
fig = px.scatter(x=[1, 2], y=[3, 4])
fig.update_layout(title="Points")
fig.show()
===
import altair as alt
import pandas as pd
source = pd.DataFrame({"a": ["x"], "b": [1]})
alt.Chart(source).mark_bar().encode(x="a", y="b")
===
import seaborn as sns
import matplotlib.pyplot as plt
sns.set_theme()
---
tips = sns.load_dataset("tips") if False else None
_ = plt.hist([1, 2, 2])
plt.show()
===
from pathlib import Path
ROOT = Path("data")
for path in sorted(ROOT.glob("*.csv")):
    print(path.stem, path.stat().st_size)
===
import requests
def fetch_price(session, symbol):
    return session.get(f"/prices/{symbol}").json()
===
import sqlite3
connection = sqlite3.connect("shop.db")
rows = connection.execute("SELECT name, price FROM products").fetchall()
[name for name, price in rows if price > 3]
===
import pyspark.sql.functions as F
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
---
spark.range(3).withColumn("double", F.col("id") * 2).show()
===
author = "anna@firma.de"
print(f"Questions: {author}")
===
password = None
url = "postgresql://user:password@localhost/db"
token = "{token}"
template = "https://{user}:{password}@example.com"
===
serial = "4111-1111-1111-1112"
version = "GB82TEST"
phone = "555-12-3456"
===
def embed(texts):
    return [len(text) for text in texts]
embed(["a", "b"])
===
match {"kind": "order", "price": 3}:
    case {"kind": "order", "price": price}:
        print(price)
    case {"kind": kind, **rest}:
        print(kind, rest)
    case [first, *others]:
        print(first, others)
===
def apply(function, *values, key=None, **options):
    return [function(value, **options) for value in values if key is None or key(value)]
---
apply(lambda value, scale=1: value * scale, 1, 2, scale=3)
===
def average(values):
    return sum(values) / len(values)
---
from functools import partial
average = partial(average)
===
table: dict[str, int] = {}
table["a"] = 1
table |= {"b": 2}
===
print(_, __, In, Out, _exit_code, get_ipython())
===
from tqdm.auto import tqdm
import logging
logging.basicConfig(level=logging.INFO)
log = logging.getLogger(__name__)
for n in tqdm(range(3)):
    log.info("step %s", n)
===
import multiprocessing as mp
def square(n):
    return n * n
if __name__ == "__main__":
    with mp.Pool(2) as pool:
        print(pool.map(square, range(3)))
===
globals().update({"injected": 1})
---
print(injected)
===
exec("made = 1")
---
print(made)
===
get_ipython().user_ns["given"] = 1
---
print(given)
===
from contextlib import contextmanager
@contextmanager
def timed(name):
    yield name
with timed("a") as name:
    print(name)
===
import string
alphabet = {letter: n for n, letter in enumerate(string.ascii_lowercase)}
decode = {n: letter for letter, n in alphabet.items()}
===
pip install --help
===
ls -l
===
if (match := "a-b".partition("-"))[1]:
    print(match[0])
===
import pandas as pd
pd.DataFrame({"a": [1]}).query("a > 0").assign(b=lambda frame: frame.a * 2).pipe(lambda frame: frame.head(1))
===
def outer():
    def inner():
        return later
    later = 1
    return inner
---
[[row[i] for row in [[1, 2], [3, 4]]] for i in range(2)]
===
import datetime
log_dir = "logs/fit/" + datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
print(log_dir)
"""
