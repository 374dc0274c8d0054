"""The part of a page that can be played with: the pruned net, its data and its training, for a script to run."""
