"""How good the gate is: known faults are run through it, and it is scored by those that it catches."""
