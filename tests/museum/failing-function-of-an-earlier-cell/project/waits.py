# %% tags=["parameters"]
upstream = None

# %%
import asyncio
import shares


async def wait(number):
    await asyncio.sleep(0)
    return shares.share(number)


# %%
async def both():
    await asyncio.gather(wait(1), wait(0))


await both()
