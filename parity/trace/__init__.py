"""What a cell recorded: the values of a trace, the trace file, and the folder of a cell."""
