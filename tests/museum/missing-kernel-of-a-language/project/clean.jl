# %% tags=["parameters"]
upstream = nothing
