"""Two MLX trainers, one seed, one process: do they take the same steps?

Each folder answers one question. Data goes one way:

asked        probe      what a probe file says
trained      trainers   providers: one folder a library
             lab        one arm: seeded, trained, recorded by the tap
             canaries   known faults
recorded     trace      what the tap recorded, as files
judged       judge      from traces to the verdict on a cell and on a probe
             golden     what references computed once
             scoreboard which known faults are caught
             gate       a whole run: its sentence and its exit status
run          runner     processes and environments on this machine
kept         store      runs as folders and as results.json
shown        report     terminal, markdown, HTML, JSON, JUnit
             comment    on a pull request
searched     explain    the cause of a divergence
             bisect     the release that brought it
spoken to    cli        one command a file

Public are this name, `parity.trainers.protocol` with `parity.errors` for providers, and `parity.canaries`.
`docs/add-a-provider.md` says what follows from that; everything else may change without notice.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
