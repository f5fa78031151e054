# %%
import helper

print(helper.scale)
