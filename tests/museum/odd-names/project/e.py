# %% tags=["parameters"]
upstream = ['it\'s "quoted"']
