# %%
open('ran', 'w').close()
