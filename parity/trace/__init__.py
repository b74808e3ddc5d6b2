"""What a tap recorded: values, files, and the folder of a cell."""
