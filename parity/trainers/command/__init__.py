"""A command that trains, whichever it is: run as it is and traced from inside, through a hook on its path."""
