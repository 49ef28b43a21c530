"""The same distributor on a virtual clock: a journal replayed, a day simulated. Pure: chance comes in."""
