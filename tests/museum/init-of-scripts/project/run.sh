papermill gone.ipynb out/gone.ipynb
papermill in.py out/in.ipynb -f none.yaml -b "???"
