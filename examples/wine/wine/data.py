"""The raw data: 178 Italian red wines, as they come with scikit-learn."""

from pathlib import Path

from sklearn.datasets import load_wine


def get(product, sample=0):
    """Write the raw measurements as CSV: all wines, or a random ``sample`` of each cultivar."""
    wines = load_wine(as_frame=True).frame.rename_axis("wine")
    if sample:
        wines = wines.groupby("target").sample(sample, random_state=0).sort_index()
    Path(product).parent.mkdir(parents=True, exist_ok=True)
    wines.to_csv(product)
