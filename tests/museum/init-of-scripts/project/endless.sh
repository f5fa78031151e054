for a in {1..500}; do
  for b in {1..500}; do
    papermill in.ipynb $a-$b.ipynb
  done
done
