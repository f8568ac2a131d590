"""Documents from files of this machine, brought to Rossum by hand and followed until they are done."""
