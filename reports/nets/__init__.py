"""Pages of several nets to be played with: runs side by side, and the gallery of all seeds of one."""
