# %% tags=["parameters"]
upstream = None

# %%
import shares


def rate(number):
    """Return the inverse."""
    return 1 / number


# %%
numbers = [1, 2, 0]
for number in numbers:
    print(number)
    rate(number)
print('done')
print('all of it')
