# %% tags=["parameters"]
upstream = None
product = None

# %%
class Mute(Exception):
    def __str__(self):
        raise RuntimeError('no words')


raise Mute
