"""Two MLX trainers, one seed, one process: do they take the same steps?

Data goes one way: probe → cell → trace → diff → verdict → result → report. Two wings meet in the
trace file only. The *lab* (`cell`, `tap`, `trainers`) runs inside whatever environment a probe pins.
The *judge* (`diff`, `verdict`, `result`, `report`) runs anywhere and never imports MLX.
"""

__version__ = "0.1.0"
